import { formatIp, type IpBytes, parseIp } from '../../../router/cidr.ts';
import type { Arrival } from './arrival.ts';

/** HAProxy, "The PROXY protocol", section 2.2. */
const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
/** Section 2.2.7. */
const PP2_TYPE_ALPN = 0x01;
const PP2_TYPE_AUTHORITY = 0x02;
/** RFC 4291 §2.5.5.2. */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Nobody to tell of: what is known of a connection may be gone with it. */
const UNKNOWN_LINE = Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
const LOCAL_RECORD = Buffer.concat([SIGNATURE, Buffer.from([V2_LOCAL, 0, 0, 0])]);

/** The PROXY header that tells an instance who its client is. */
export function proxyHeader(version: 'v1' | 'v2', { peer, clientPort, local, hello }: Arrival): Buffer {
  const from = parseIp(withoutZone(peer.address));
  const to = parseIp(withoutZone(local.address));
  if (from === null || to === null) return version === 'v1' ? UNKNOWN_LINE : LOCAL_RECORD;
  // Addresses of one family: where they differ, IPv4 is written as IPv6 has it.
  const isV4 = from.length === 4 && to.length === 4;
  const [source, destination] = isV4 ? [from, to] : [asV6(from), asV6(to)];
  if (version === 'v1') {
    const family = isV4 ? 'TCP4' : 'TCP6';
    const words = ['PROXY', family, formatIp(source), formatIp(destination), clientPort, local.port];
    return Buffer.from(`${words.join(' ')}\r\n`, 'latin1');
  }
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(clientPort, 0);
  ports.writeUInt16BE(local.port, 2);
  const body = Buffer.concat([Buffer.from(source), Buffer.from(destination), ports, ...tlvsOf(hello)]);
  const head = Buffer.from([
    V2_PROXY,
    isV4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6,
    body.length >> 8,
    body.length & 255,
  ]);
  return Buffer.concat([SIGNATURE, head, body]);
}

/** A zone means something on this machine only. */
function withoutZone(address: string): string {
  return address.split('%', 1)[0]!;
}

function asV6(address: IpBytes): IpBytes {
  return address.length === 4 ? [...MAPPED, ...address] : address;
}

function tlvsOf(hello: Arrival['hello']): Buffer[] {
  const tlvs: Buffer[] = [];
  // Which of several protocols the server will choose is not known yet.
  if (hello?.alpn.length === 1) tlvs.push(tlv(PP2_TYPE_ALPN, hello.alpn[0]!));
  if (hello?.serverName) tlvs.push(tlv(PP2_TYPE_AUTHORITY, hello.serverName));
  return tlvs;
}

function tlv(type: number, text: string): Buffer {
  const value = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 255]), value]);
}
