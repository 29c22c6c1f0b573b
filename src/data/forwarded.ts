import net from 'node:net';

/** Who the client is, and what the upstream is told about it. One per connection, refined per request when trusted. */
export interface Peer {
  /** Plain IPv4 or IPv6 text; IPv4-mapped addresses as IPv4. */
  readonly address: string;
  readonly isTrusted: boolean;
}

/** A set of networks; an address is looked up once per connection or per decision, never per header. */
export class Networks {
  readonly #list = new net.BlockList();

  constructor(cidrs: readonly string[]) {
    for (const cidr of cidrs) {
      const [address = '', bits] = cidr.split('/');
      const family = address.includes(':') ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  has(address: string): boolean {
    const family = net.isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

/** `::ffff:10.0.0.1` is 10.0.0.1 that came in over a dual-stack socket. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/**
 * The client behind trusted proxies: the right-most address of the chain that is not itself trusted. Entries that are
 * no addresses (`unknown`, obfuscated names) end the walk: what stands left of them cannot be believed.
 */
export function clientOf(peer: Peer, chain: string, trusted: Networks): string {
  let client = peer.address;
  if (!peer.isTrusted) return client;
  const hops = chain.split(',');
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = addressOfHop(hops[i]!.trim());
    if (hop === null) break;
    client = hop;
    if (!trusted.has(hop)) break;
  }
  return client;
}

/** `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]:80`. */
function addressOfHop(text: string): string | null {
  let address = text;
  if (address.startsWith('[')) address = address.slice(1, Math.max(1, address.indexOf(']')));
  else if (address.includes('.') && address.includes(':') && !address.startsWith('::')) {
    address = address.slice(0, address.indexOf(':'));
  }
  return net.isIP(address) === 0 ? null : plainAddress(address);
}

/** The valid hops of a chain, in order: what we append our peer to. */
export function cleanChain(chain: string): string {
  return chain
    .split(',')
    .map((hop) => hop.trim())
    .filter((hop) => addressOfHop(hop) !== null)
    .join(', ');
}
