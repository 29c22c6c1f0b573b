/**
 * Field names the router itself acts on. Every other field is passed through untouched; classifying a name costs one
 * look at its length and, for few lengths, a comparison.
 */
export const Field = {
  other: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  /** Hop-by-hop and never forwarded: RFC 9110 §7.6.1. */
  hopByHop: 5,
  te: 6,
  upgrade: 7,
  expect: 8,
  forwardedFor: 9,
  /** Set by us and never taken from an untrusted peer. */
  managed: 10,
  requestId: 11,
  forwardedProto: 12,
  userAgent: 13,
  referer: 14,
  cookie: 15,
  accept: 16,
  trailer: 17,
  setCookie: 18,
  /** Hop-by-hop too, but an upstream says in it how long it keeps a connection. */
  keepAlive: 19,
  hsts: 20,
  /** About a client's certificate: only ever ours. */
  clientCertificate: 21,
} as const;

const NAMES: Readonly<Record<string, number>> = {
  host: Field.host,
  'content-length': Field.contentLength,
  'transfer-encoding': Field.transferEncoding,
  connection: Field.connection,
  'keep-alive': Field.keepAlive,
  'proxy-connection': Field.hopByHop,
  'proxy-authenticate': Field.hopByHop,
  'proxy-authorization': Field.hopByHop,
  'http2-settings': Field.hopByHop,
  // "httpoxy": CGI programs read it as the HTTP_PROXY variable.
  proxy: Field.hopByHop,
  te: Field.te,
  trailer: Field.trailer,
  upgrade: Field.upgrade,
  expect: Field.expect,
  'x-forwarded-for': Field.forwardedFor,
  'x-forwarded-proto': Field.forwardedProto,
  'x-forwarded-host': Field.managed,
  'x-forwarded-port': Field.managed,
  'x-forwarded-prefix': Field.managed,
  'x-real-ip': Field.managed,
  forwarded: Field.managed,
  'x-request-id': Field.requestId,
  'user-agent': Field.userAgent,
  referer: Field.referer,
  cookie: Field.cookie,
  accept: Field.accept,
  'set-cookie': Field.setCookie,
  'strict-transport-security': Field.hsts,
  'x-forwarded-tls-client-cert': Field.clientCertificate,
  'x-forwarded-tls-client-cert-info': Field.clientCertificate,
  // RFC 9440.
  'client-cert': Field.clientCertificate,
  'client-cert-chain': Field.clientCertificate,
};

interface Known {
  readonly name: string;
  readonly kind: number;
}

const BY_LENGTH: (readonly Known[] | undefined)[] = [];
for (const [name, kind] of Object.entries(NAMES)) {
  BY_LENGTH[name.length] = [...(BY_LENGTH[name.length] ?? []), { name, kind }];
}
const LONGEST = BY_LENGTH.length - 1;

/** Fields an alias of which could pass for the real one behind us. */
const GUARDED: ReadonlySet<number> = new Set([
  Field.host,
  Field.contentLength,
  Field.transferEncoding,
  Field.hopByHop,
  Field.keepAlive,
  Field.forwardedFor,
  Field.forwardedProto,
  Field.managed,
  Field.requestId,
  Field.clientCertificate,
]);

/**
 * The kind of the name at `start` to `end`, in any case. Many servers read `X_Forwarded_For` as `X-Forwarded-For`; an
 * alias of a field that we manage is therefore dropped like a hop-by-hop field.
 */
export function kindOfName(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > LONGEST) return Field.other;
  const known = BY_LENGTH[length];
  if (known === undefined) return Field.other;
  for (let k = 0; k < known.length; k++) {
    const { name, kind } = known[k]!;
    let isAlias = false;
    let i = 0;
    for (; i < length; i++) {
      const c = bytes[start + i]!;
      const expected = name.charCodeAt(i);
      if (c === expected || (c >= 0x41 && c <= 0x5a && (c | 0x20) === expected)) continue;
      if (expected !== DASH || (c !== UNDERSCORE && c !== DOT)) break;
      isAlias = true;
    }
    if (i === length) return isAlias ? (GUARDED.has(kind) ? Field.hopByHop : Field.other) : kind;
  }
  return Field.other;
}

/** The kind of a lower-case name that is no longer bytes. */
export function kindOfText(name: string): number {
  const kind = BY_NAME.get(name);
  if (kind !== undefined) return kind;
  if (name.length > LONGEST || !/[_.]/.test(name)) return Field.other;
  const meant = BY_NAME.get(name.replace(/[_.]/g, '-'));
  return meant !== undefined && GUARDED.has(meant) ? Field.hopByHop : Field.other;
}

const BY_NAME: ReadonlyMap<string, number> = new Map(Object.entries(NAMES));
const DASH = 0x2d;
const UNDERSCORE = 0x5f;
const DOT = 0x2e;

/** Fields of a head: name, value, name, value, and the kind of each. */
interface Fields {
  readonly fields: readonly string[];
  readonly kinds: readonly number[];
}

/** The value of the first field of a kind; empty when there is none. */
export function fieldValue(head: Fields, kind: number): string {
  for (let f = 0; f < head.kinds.length; f++) if (head.kinds[f] === kind) return head.fields[f * 2 + 1]!;
  return '';
}

/** The value of the first field with this lower-case name; null when there is none. */
export function fieldValueByName(head: Fields, name: string): string | null {
  for (let f = 0; f < head.kinds.length; f++) {
    const given = head.fields[f * 2]!;
    if (given.length === name.length && given.toLowerCase() === name) return head.fields[f * 2 + 1]!;
  }
  return null;
}
