import { BlockList, isIP } from 'node:net';

/** Addresses nobody can register a useful instance at; the metadata services of clouds live in link-local. */
const refused: readonly (readonly [string, BlockList])[] = [
  ['unspecified', blockList(['0.0.0.0', 8], ['::', 128])],
  ['link-local', blockList(['169.254.0.0', 16], ['fe80::', 10])],
  ['multicast', blockList(['224.0.0.0', 4], ['ff00::', 8])],
  ['broadcast', blockList(['255.255.255.255', 32])],
];

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

export type AddressVerdict =
  | { readonly ok: true; readonly address: string }
  | { readonly ok: false; readonly reason: string };

/**
 * An IP address or host name as it will be dialled; IPv6 without brackets. Loopback is allowed: routers and instances
 * often share a machine.
 */
export function checkAddress(text: string): AddressVerdict {
  if (text === '') return no('the address is empty');
  const address = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  const family = isIP(address);
  if (family !== 0) return checkIp(address, family);
  return isHostName(address)
    ? { ok: true, address }
    : no('the address is neither an IP address nor a host name');
}

function checkIp(address: string, family: number): AddressVerdict {
  const bare = address.split('%')[0] as string;
  for (const [kind, list] of refused) {
    if (list.check(bare, family === 6 ? 'ipv6' : 'ipv4')) return no(`${kind} address`);
  }
  return bare === address ? { ok: true, address } : no('address with a zone');
}

/** RFC 1123 names plus underscores. A last label that is a number would be read as an IPv4 address by resolvers. */
function isHostName(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  if (name.length === 0 || name.length > 253) return false;
  const labels = name.split('.');
  const last = labels[labels.length - 1] as string;
  if (/^(\d+|0x[0-9a-f]*)$/i.test(last)) return false;
  return labels.every((label) => LABEL.test(label));
}

function no(reason: string): AddressVerdict {
  return { ok: false, reason };
}

function blockList(...subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [net, bits] of subnets) list.addSubnet(net, bits, isIP(net) === 6 ? 'ipv6' : 'ipv4');
  return list;
}
