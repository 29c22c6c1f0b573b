import { elements, isToken, lower } from './characters.ts';
import { Cursor } from './cursor.ts';
import { connectionOptions, persists, valuesOf } from './fields.ts';
import { requestFraming } from './framing.ts';
import { type Fields, fieldLines, requestLine } from './head.ts';
import { hostOf } from './host.ts';
import { type Framing, type Incomplete, type Limits, outcomeOf, type Refused, refuse } from './outcome.ts';

export interface Request {
  readonly kind: 'request';
  readonly method: string;
  /** Origin form, or `*`. */
  readonly target: string;
  readonly minor: number;
  /** Lower case, no port; empty when an HTTP/1.0 request names none. */
  readonly host: string;
  readonly fields: Fields;
  readonly framing: Framing;
  readonly keepAlive: boolean;
  readonly upgrade: string | null;
  readonly expectsContinue: boolean;
  /** Bytes of the head. */
  readonly length: number;
}

/** The first request head in `bytes`. Rules are applied in the order of the bytes, then in the order below. */
export function readRequest(bytes: Buffer, limits: Limits): Request | Incomplete | Refused {
  return outcomeOf(() => {
    const cursor = new Cursor(bytes, limits.headBytes);
    const line = requestLine(cursor, limits);
    const fields = fieldLines(cursor, limits);
    // A tunnel through a reverse proxy has no meaning (RFC 9110 §9.3.6).
    if (line.method === 'CONNECT') refuse('connect', 501);
    const destination = destinationOf(line, fields);
    const options = connectionOptions(fields);
    const framing = requestFraming(fields, line.minor);
    return {
      kind: 'request',
      method: line.method,
      ...destination,
      minor: line.minor,
      fields,
      framing,
      keepAlive: persists(options, line.minor),
      upgrade: upgradeOf(fields, options, line.minor, framing),
      expectsContinue: expectation(fields, line.minor) && framing.kind !== 'none',
      length: cursor.at,
    };
  });
}

interface Line {
  readonly method: string;
  readonly target: string;
  readonly minor: number;
}

/** RFC 9112 §3.2 and §3.3: one host, named once; in HTTP/1.1 by a `Host` field in any case. */
function destinationOf(line: Line, fields: Fields): { target: string; host: string } {
  const hosts = valuesOf(fields, 'host');
  if (hosts.length > 1) refuse('several-hosts', 400);
  if (hosts.length === 0 && line.minor === 1) refuse('no-host', 400);
  const host = hosts.length === 0 ? '' : (hostOf(hosts[0]!) ?? refuse('host', 400));
  if (line.target.startsWith('/')) return { target: line.target, host };
  if (line.target === '*' && line.method === 'OPTIONS') return { target: '*', host };
  return absolute(line, hosts.length === 0 ? null : host);
}

/** RFC 9112 §3.2.2. The authority must name the host that `Host` names. */
function absolute(line: Line, host: string | null): { target: string; host: string } {
  const match = /^https?:\/\/([^/?]*)(.*)$/i.exec(line.target);
  if (match === null) refuse('target-form', 400);
  const named = hostOf(match![1]!);
  if (named === null) refuse('target-authority', 400);
  if (host !== null && host !== named) refuse('authority-mismatch', 400);
  return { target: pathOf(line.method, match![2]!), host: named! };
}

/** RFC 9112 §3.2.1: an empty path is `/`, but §3.2.4: `OPTIONS http://host` stands for `OPTIONS *`. */
function pathOf(method: string, rest: string): string {
  if (rest === '' && method === 'OPTIONS') return '*';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** RFC 9110 §10.1.1: ignored in HTTP/1.0; one member is defined, any other field is 417. */
function expectation(fields: Fields, minor: number): boolean {
  const values = valuesOf(fields, 'expect');
  if (values.length === 0 || minor === 0) return false;
  if (values.length > 1 || lower(values[0]!) !== '100-continue') refuse('expectation', 417);
  return true;
}

/**
 * RFC 9110 §7.8: nominated, in HTTP/1.1, a list of `name` or `name/version`. Passed on when it comes once and without a
 * body, and offers no HTTP/2, which would speak past us (RFC 9113 §3.1).
 */
function upgradeOf(
  fields: Fields,
  options: ReadonlySet<string>,
  minor: number,
  framing: Framing,
): string | null {
  const values = valuesOf(fields, 'upgrade');
  if (values.length !== 1 || minor === 0 || !options.has('upgrade') || framing.kind !== 'none') return null;
  const protocols = elements(values[0]!);
  const isOffer = protocols.length > 0 && protocols.every(isProtocol) && !protocols.some(isHttp2);
  return isOffer ? values[0]! : null;
}

function isProtocol(text: string): boolean {
  const parts = text.split('/');
  return parts.length <= 2 && parts.every(isToken);
}

function isHttp2(protocol: string): boolean {
  return /^h2c?$/i.test(protocol.split('/')[0]!);
}
