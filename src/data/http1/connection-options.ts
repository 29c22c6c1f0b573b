import { Field } from './fields.ts';
import type { HeadParser } from './head-parser.ts';
import type { Framing } from './heads.ts';

/** What a head says about the connection itself: RFC 9110 §7.6.1, §7.8 and §10.1.4. */

export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  readonly nominated: readonly string[] | null;
}

const NO_OPTIONS: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, nominated: null };
const KEEP_ALIVE: ConnectionOptions = { ...NO_OPTIONS, keepAlive: true };

export function readConnection(fields: readonly string[], kinds: readonly number[]): ConnectionOptions {
  let options = NO_OPTIONS;
  for (let f = 0; f < kinds.length; f++) {
    if (kinds[f] !== Field.connection) continue;
    const value = fields[f * 2 + 1]!;
    // What nearly every client and server says needs no taking apart.
    options = value === 'keep-alive' && options === NO_OPTIONS ? KEEP_ALIVE : addOptions(options, value);
  }
  return options;
}

function addOptions(options: ConnectionOptions, value: string): ConnectionOptions {
  let { close, keepAlive, upgrade } = options;
  let nominated: string[] | null = options.nominated ? [...options.nominated] : null;
  for (const part of value.split(',')) {
    const name = trimBlanks(part).toLowerCase();
    if (name === 'close') close = true;
    else if (name === 'keep-alive') keepAlive = true;
    else if (name === 'upgrade') upgrade = true;
    else if (name !== '') {
      nominated ??= [];
      nominated.push(name);
    }
  }
  return { close, keepAlive, upgrade, nominated };
}

/** `h2c` is never passed on (RFC 9113 §3.1 retired it); an upgrade with a body is not an upgrade we know. */
export function readUpgrade(parser: HeadParser, fields: readonly string[], framing: Framing): string | null {
  const at = parser.only(Field.upgrade);
  if (at < 0 || framing.kind !== 'none') return null;
  const value = fields[at * 2 + 1]!;
  const protocols = value
    .split(',')
    .map(trimBlanks)
    .filter((protocol) => protocol !== '');
  return protocols.length > 0 && protocols.every(isPassedOn) ? value : null;
}

/** `name` or `name/version` (RFC 9110 §7.8), and not HTTP/2 in disguise. */
function isPassedOn(protocol: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+(\/[\w!#$%&'*+.^`|~-]+)?$/.test(protocol) && !/^h2c?(\/|$)/i.test(protocol);
}

/** White space in fields is SP and HTAB (RFC 9110 §5.6.3); `trim` would take more. */
function trimBlanks(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '');
}

export function takesTrailers(parser: HeadParser, fields: readonly string[]): boolean {
  const at = parser.only(Field.te);
  return at >= 0 && /(^|[, \t])trailers($|[,; \t])/i.test(fields[at * 2 + 1]!);
}
