import net from 'node:net';
import type { Parsed } from '../../config/units.ts';
import { accept, quote, refuse } from '../../config/units.ts';

/** What somebody asks about: a request that might come. */
export interface Question {
  readonly url: string;
  readonly scheme: string;
  /** Host and port as the URL has them; empty where it has none. */
  readonly authority: string;
  /** All that follows, byte for byte; empty where nothing does. */
  readonly rest: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The address that connects. */
  readonly client: string;
  /** Null leaves it to the URL. */
  readonly listener: string | null;
}

const NAMES: ReadonlySet<string> = new Set(['url', 'method', 'header', 'client', 'listener']);
/** RFC 9110 §5.6.2. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** RFC 9110 §5.5, as text of one byte a character. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** In a URL these would be more than one request line, or are not what a client sends. */
const NOT_IN_URL = /[^\x21-\x7e]/u;
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//;
const LOCAL = '127.0.0.1';

/** Reads the parameters of `/api/explain`; the reason names the one that is wrong. */
export function readQuestion(params: URLSearchParams): Parsed<Question> {
  for (const name of params.keys())
    if (!NAMES.has(name))
      return refuse(`unknown parameter ${quote(name)}; there are ${[...NAMES].join(', ')}`);
  for (const name of ['url', 'method', 'client', 'listener'])
    if (params.getAll(name).length > 1) return refuse(`${name} is given twice`);
  const url = readUrl(params.get('url') ?? '');
  if (!url.ok) return url;
  const method = params.get('method') ?? 'GET';
  if (!TOKEN.test(method)) return refuse(`method ${quote(method)} is no method`);
  const client = params.get('client') ?? LOCAL;
  if (net.isIP(client) === 0) return refuse(`client ${quote(client)} is no IP address`);
  const headers: [string, string][] = [];
  for (const text of params.getAll('header')) {
    const header = readHeader(text);
    if (!header.ok) return header;
    headers.push(header.value);
  }
  return accept({ ...url.value, method, headers, client, listener: params.get('listener') });
}

/** Without a scheme it is `http`, as with curl. */
function readUrl(text: string): Parsed<Pick<Question, 'url' | 'scheme' | 'authority' | 'rest'>> {
  if (text === '') return refuse('url is missing, as in ?url=http://example.com/path');
  const bad = NOT_IN_URL.exec(text);
  if (bad !== null)
    return refuse(
      `url cannot contain ${quote(bad[0])}: write it as it is sent, percent-encoded (hosts as xn--)`,
    );
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase() ?? null;
  const url = scheme === null ? `http://${text}` : text;
  const [beforeFragment = ''] = url.split('#');
  const after = beforeFragment.slice(url.indexOf('://') + 3);
  const end = after.search(/[/?]/);
  const authority = end < 0 ? after : after.slice(0, end);
  if (authority.includes('@')) return refuse('url has a user name, which no client sends there');
  return accept({ url, scheme: scheme ?? 'http', authority, rest: end < 0 ? '' : after.slice(end) });
}

/** `name: value`, as curl has it; the space counts for nothing. */
function readHeader(text: string): Parsed<[string, string]> {
  const colon = text.indexOf(':');
  if (colon < 0) return refuse(`header ${quote(text)} is not name:value`);
  const name = text.slice(0, colon);
  const value = text.slice(colon + 1).trim();
  if (!TOKEN.test(name)) return refuse(`header name ${quote(name)} is none`);
  if (!FIELD_VALUE.test(value)) return refuse(`header ${name} has a value that cannot be sent`);
  return accept([name, value]);
}
