import net from 'node:net';
import { parseIp } from '../../../router/cidr.ts';
import type { Arrival, Place } from './arrival.ts';

/** HAProxy, "The PROXY protocol", section 2.2. */
const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
/** Section 2.2.7. */
const PP2_TYPE_ALPN = 0x01;
const PP2_TYPE_AUTHORITY = 0x02;

/** The PROXY header that tells an instance who its client is. */
export function proxyHeader(version: 'v1' | 'v2', arrival: Arrival): Buffer {
  const client = { address: arrival.peer.address, port: arrival.clientPort };
  return version === 'v1' ? lineOf(client, arrival.local) : recordOf(client, arrival);
}

/** Addresses of one family; where they differ, IPv4 is written as IPv6 has it. */
function isV4(client: Place, local: Place): boolean {
  return net.isIPv4(client.address) && net.isIPv4(local.address);
}

function lineOf(client: Place, local: Place): Buffer {
  const v4 = isV4(client, local);
  const [from, to] = [client.address, local.address].map((address) => (v4 ? address : asV6(address)));
  return Buffer.from(`PROXY TCP${v4 ? 4 : 6} ${from} ${to} ${client.port} ${local.port}\r\n`, 'latin1');
}

function asV6(address: string): string {
  return net.isIPv4(address) ? `::ffff:${address}` : address;
}

function recordOf(client: Place, { local, hello }: Arrival): Buffer {
  const v4 = isV4(client, local);
  const tlvs: Buffer[] = [];
  // Which of several protocols the server will choose is not known yet.
  if (hello?.alpn.length === 1) tlvs.push(tlv(PP2_TYPE_ALPN, hello.alpn[0]!));
  if (hello?.serverName) tlvs.push(tlv(PP2_TYPE_AUTHORITY, hello.serverName));
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(client.port, 0);
  ports.writeUInt16BE(local.port, 2);
  const body = Buffer.concat([
    addressBytes(client.address, v4),
    addressBytes(local.address, v4),
    ports,
    ...tlvs,
  ]);
  const head = Buffer.from([
    V2_PROXY,
    v4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6,
    body.length >> 8,
    body.length & 255,
  ]);
  return Buffer.concat([SIGNATURE, head, body]);
}

function tlv(type: number, text: string): Buffer {
  const value = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 255]), value]);
}

function addressBytes(address: string, v4: boolean): Buffer {
  // A zone means something on this machine only.
  const bytes = parseIp(address.split('%')[0]!)!;
  return Buffer.from(bytes.length === 4 && !v4 ? [...MAPPED, ...bytes] : bytes);
}

/** RFC 4291 §2.5.5.2. */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
