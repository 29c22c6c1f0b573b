import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { Address, PortRange } from './config.ts';
import { accept, type Parsed, parseInteger, quote, refuse } from './units.ts';

/** Where Consul answers. `scheme` is null when nobody named one. */
export interface ConsulAddress {
  readonly scheme: 'http' | 'https' | null;
  /** `host` or `host:port`. */
  readonly authority: string;
  /** Path of a reverse proxy in front of Consul: empty, or starts with `/` and does not end with one. */
  readonly prefix: string;
}

const highestPort = 65_535;

/** `:8080`, `127.0.0.1:8080`, `[::1]:8080` or `localhost:80`. Port 0 lets the system choose. */
export function parseAddress(text: string): Parsed<Address> {
  if (/^\d+$/.test(text))
    return refuse(`${quote(text)} is only a port: write ":${text}" or "127.0.0.1:${text}"`);
  if (text.includes('://')) return refuse(`${quote(text)} is a URL: write host:port without a scheme`);
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text);
  if (match === null) return refuse(notAnAddress(text));
  const [, bracketed, plain = '', digits = ''] = match;
  const port = parseInteger(digits, 0, highestPort);
  if (!port.ok) return refuse(`port ${port.reason}`);
  if (bracketed === undefined && plain === '') return accept({ host: '', port: port.value });
  const host = bracketed ?? plain;
  const valid = bracketed === undefined ? isHost(plain) : isIPv6(bracketed);
  if (!valid) return refuse(`${quote(host)} is neither an IP address nor a host name`);
  return accept({ host, port: port.value });
}

function notAnAddress(text: string): string {
  const bare = /^(.+):(\d+)$/.exec(text);
  const [, host = '', port = ''] = bare ?? [];
  if (isIPv6(host)) return `${quote(text)}: an IPv6 address needs brackets: write [${host}]:${port}`;
  if (isIP(text) !== 0 || isHost(text)) return `${quote(text)} has no port`;
  return `${quote(text)} is not an address: write :8080, 127.0.0.1:8080 or [::1]:8080`;
}

/** IPv4 address or host name. A name whose last label is a number is a mistyped address (RFC 1123, 2.1). */
function isHost(text: string): boolean {
  if (isIPv4(text)) return true;
  if (
    text.length > 253 ||
    !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(text)
  ) {
    return false;
  }
  return !/^\d+$/.test(text.split('.').at(-1) ?? '');
}

/** An address as it was written. */
export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether only this machine can reach the address. */
export function isLoopback(address: Address): boolean {
  const host = address.host.toLowerCase();
  if (host === 'localhost' || host === '::1') return true;
  const mapped = host.startsWith('::ffff:') ? host.slice(7) : host;
  return isIPv4(mapped) && mapped.startsWith('127.');
}

/** Whether both cannot be bound at once. Names are compared as texts. */
export function collide(one: Address, other: Address): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  return one.host === other.host || isWildcard(one.host) || isWildcard(other.host);
}

/** Whether the host stands for every interface. */
export function isWildcard(host: string): boolean {
  return host === '' || host === '0.0.0.0' || host === '::';
}

/** An IP address to bind ports to, without a port. IPv6 may stand in brackets. */
export function parseBindAddress(text: string): Parsed<string> {
  const address = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) !== 0) return accept(address);
  return refuse(`${quote(text)} is not an IP address: write 127.0.0.1, 0.0.0.0 or ::1`);
}

/** `15000-15999` or a single port. */
export function parsePortRange(text: string): Parsed<PortRange> {
  const match = /^(\d+)(?:\s*-\s*(\d+))?$/.exec(text);
  if (match === null) return refuse(`${quote(text)} is not a port range: write 15000-15999`);
  const from = parseInteger(match[1] ?? '', 1, highestPort);
  if (!from.ok) return refuse(`port ${from.reason}`);
  const to = parseInteger(match[2] ?? match[1] ?? '', 1, highestPort);
  if (!to.ok) return refuse(`port ${to.reason}`);
  if (to.value < from.value) return refuse(`${quote(text)} ends before it starts`);
  return accept({ from: from.value, to: to.value });
}

/** What the Go client takes: `host:port`, `http://…` or `https://…`, with a path prefix behind it. */
export function parseConsulAddress(text: string): Parsed<ConsulAddress> {
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/?#]*)(\/[^?#]*)?(.*)$/i.exec(text);
  const [, scheme, authority = '', path = '', rest = ''] = match ?? [];
  const named = scheme?.toLowerCase() ?? null;
  if (named === 'unix') return refuse('unix sockets are not supported: give the HTTP address of the agent');
  if (named !== null && named !== 'http' && named !== 'https') {
    return refuse(`unknown scheme ${quote(named)}: use http or https`);
  }
  if (authority.includes('@')) return refuse('credentials in the address are not supported: use a token');
  if (rest !== '' || /\s/.test(path)) return refuse(`${quote(text)}: only a path may follow the host`);
  if (!isAuthority(authority)) return refuse(notAConsulAddress(text));
  return accept({ scheme: named, authority, prefix: path.replace(/\/+$/, '') });
}

function notAConsulAddress(text: string): string {
  return `${quote(text)} is not an address of Consul: write 127.0.0.1:8500 or https://consul:8501`;
}

/** `host`, `host:port`, `[v6]` or `[v6]:port`, never port 0. */
function isAuthority(text: string): boolean {
  const address = parseAddress(text);
  if (address.ok) return address.value.host !== '' && address.value.port > 0;
  return isHost(text) || (/^\[.*\]$/.test(text) && isIPv6(text.slice(1, -1)));
}
