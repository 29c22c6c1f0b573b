/** IP addresses and networks, strictly: what one reader takes for 10.0.0.8, another may take for 10.0.0.10. */

import { quote, type Read, read, refused } from './claim.ts';

/** Four bytes for IPv4, sixteen for IPv6. */
export type IpBytes = readonly number[];

/**
 * Reads `ADDRESS` or `ADDRESS/LENGTH` and gives the network as canonical text, for example `10.0.0.0/8`. An
 * address alone is a network of one; bits beyond the length are cleared. IPv4-mapped IPv6 becomes the IPv4
 * network it stands for, so that one rule covers both spellings of a client.
 */
export function parseNetwork(text: string): Read<string> {
  const slash = text.indexOf('/');
  const address = parseIp(slash === -1 ? text : text.slice(0, slash));
  if (address === null) return refused(`${quote(text)} is not an IP address or a network like 10.0.0.0/8`);
  const bits = address.length * 8;
  const length = slash === -1 ? bits : parseLength(text.slice(slash + 1), bits);
  if (length === null) return refused(`${quote(text)} needs a length from 0 to ${bits} after "/"`);
  const isV4 = isMapped(address) && length >= 96;
  const bytes = isV4 ? address.slice(12) : address;
  const kept = isV4 ? length - 96 : length;
  return read(`${formatIp(bytes.map((byte, index) => byte & maskByte(kept - index * 8)))}/${kept}`);
}

/** Reads one address without brackets, zone or length; null when it is not exactly that. */
export function parseIp(text: string): IpBytes | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** RFC 5952 for IPv6 (lower case, the longest run of zeros shortened), dotted for IPv4. */
export function formatIp(bytes: IpBytes): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes[at]! * 256 + bytes[at + 1]!);
  const [start, length] = longestZeroRun(groups);
  const words = groups.map((group) => group.toString(16));
  if (length < 2) return words.join(':');
  return `${words.slice(0, start).join(':')}::${words.slice(start + length).join(':')}`;
}

function parseIpv4(text: string): IpBytes | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  const bytes = parts.map((part) => (/^(0|[1-9]\d{0,2})$/.test(part) ? Number(part) : 256));
  return bytes.every((byte) => byte < 256) ? bytes : null;
}

function parseIpv6(text: string): IpBytes | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const missing = 16 - head.length - tail.length;
  // "::" stands for at least one group (RFC 4291 §2.2).
  if (halves.length === 1 ? missing !== 0 : missing < 2) return null;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** Groups between colons as bytes; the last one may be dotted IPv4 when the text ends there. */
function parseGroups(text: string, last: boolean): number[] | null {
  if (text === '') return [];
  const bytes: number[] = [];
  const words = text.split(':');
  for (const [index, word] of words.entries()) {
    const dotted = last && index === words.length - 1 && word.includes('.') ? parseIpv4(word) : null;
    if (dotted !== null) bytes.push(...dotted);
    else if (/^[0-9a-f]{1,4}$/i.test(word)) {
      const group = Number.parseInt(word, 16);
      bytes.push(group >> 8, group & 255);
    } else return null;
  }
  return bytes.length <= 16 ? bytes : null;
}

function parseLength(text: string, bits: number): number | null {
  if (!/^(0|[1-9]\d{0,2})$/.test(text)) return null;
  const length = Number(text);
  return length <= bits ? length : null;
}

function maskByte(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 8 ? 255 : (255 << (8 - bits)) & 255;
}

function isMapped(bytes: IpBytes): boolean {
  return (
    bytes.length === 16 &&
    bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 255 &&
    bytes[11] === 255
  );
}

function longestZeroRun(groups: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best[1]) best = [start, index + 1 - start];
  }
  return best;
}
