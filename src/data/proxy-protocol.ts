import net from 'node:net';

/** What a PROXY header says about the connection behind the balancer that sent it. */
export interface ProxyHeader {
  /** Bytes of the header; what follows belongs to the client. */
  readonly length: number;
  /** Null for LOCAL and UNKNOWN: the connection is the balancer's own, and its address stands. */
  readonly source: { readonly address: string; readonly port: number } | null;
  readonly destination: { readonly address: string; readonly port: number } | null;
}

/** `more`: incomplete so far; `bad`: not a PROXY header. */
export type ProxyRead = ProxyHeader | 'more' | 'bad';

/** HAProxy, "The PROXY protocol", section 2.1: a version 1 line has at most 107 bytes with its CRLF. */
const MAX_V1 = 107;
const V1 = Buffer.from('PROXY ');
/** Section 2.2. */
const V2 = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_FIXED = 16;
/** Addresses and TLVs; the field could say 65,535, which nobody needs. */
const MAX_V2_BODY = 4096;

/** Reads a PROXY protocol header, version 1 or 2, from the first bytes of a connection. */
export function readProxyHeader(bytes: Buffer): ProxyRead {
  if (startsAlike(bytes, V1)) return bytes.length < V1.length ? 'more' : readV1(bytes);
  if (startsAlike(bytes, V2)) return bytes.length < V2_FIXED ? 'more' : readV2(bytes);
  return bytes.length === 0 ? 'more' : 'bad';
}

function startsAlike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return length > 0 && bytes.compare(signature, 0, length, 0, length) === 0;
}

function readV1(bytes: Buffer): ProxyRead {
  const end = bytes.subarray(0, MAX_V1).indexOf('\r\n');
  if (end < 0) return bytes.length < MAX_V1 ? 'more' : 'bad';
  const words = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  if (words[1] === 'UNKNOWN') return { length, source: null, destination: null };
  const family = words[1] === 'TCP4' ? 4 : words[1] === 'TCP6' ? 6 : 0;
  if (family === 0 || words.length !== 6) return 'bad';
  const [, , from = '', to = '', fromPort = '', toPort = ''] = words;
  if (!isAddress(from, family) || !isAddress(to, family) || !isPort(fromPort) || !isPort(toPort))
    return 'bad';
  return {
    length,
    source: { address: plain(from), port: Number(fromPort) },
    destination: { address: plain(to), port: Number(toPort) },
  };
}

/** A zone (`fe80::1%eth0`) means something on the balancer only. */
function isAddress(text: string, family: number): boolean {
  return net.isIP(text) === family && !text.includes('%');
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function readV2(bytes: Buffer): ProxyRead {
  const version = bytes[12]! >> 4;
  const command = bytes[12]! & 0x0f;
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 0x0f;
  const bodyLength = bytes.readUInt16BE(14);
  if (version !== 2 || command > 1 || bodyLength > MAX_V2_BODY) return 'bad';
  // LOCAL: whatever stands for the family is to be ignored.
  if (command === 1 && (family > 3 || transport > 2)) return 'bad';
  const length = V2_FIXED + bodyLength;
  if (bytes.length < length) return 'more';
  const addressBytes = family === 1 ? 4 : family === 2 ? 16 : 0;
  const isKnown = command === 1 && addressBytes > 0 && transport > 0;
  if (!isKnown) return { length, source: null, destination: null };
  if (bodyLength < 2 * addressBytes + 4 || !hasWholeTlvs(bytes, V2_FIXED + 2 * addressBytes + 4, length))
    return 'bad';
  const ports = V2_FIXED + 2 * addressBytes;
  return {
    length,
    source: { address: addressText(bytes, V2_FIXED, addressBytes), port: bytes.readUInt16BE(ports) },
    destination: {
      address: addressText(bytes, V2_FIXED + addressBytes, addressBytes),
      port: bytes.readUInt16BE(ports + 2),
    },
  };
}

/** Section 2.2.7: type, two bytes of length, value. One that reaches beyond the header spoils it. */
function hasWholeTlvs(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    if (at + 3 > end) return false;
    at += 3 + bytes.readUInt16BE(at + 1);
  }
  return at === end;
}

function addressText(bytes: Buffer, at: number, length: number): string {
  if (length === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(at + i).toString(16));
  return plain(groups.join(':'));
}

/** One spelling per address, and IPv4 for what a dual-stack balancer maps: lists of networks compare it. */
function plain(address: string): string {
  if (!address.includes(':')) return address;
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(short) ?? [];
  if (high === undefined || low === undefined) return short;
  return [high, low]
    .map((group) => Number.parseInt(group, 16))
    .map((n) => `${n >> 8}.${n & 255}`)
    .join('.');
}
