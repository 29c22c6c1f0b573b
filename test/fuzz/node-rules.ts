import { METHODS } from 'node:http';
import type { Difference } from './node-compare.ts';

/** Every way in which `node:http` reads a request differently from us, each with its reason and an example. */
export interface NodeRule extends Difference {
  readonly reason: string;
  /** Without the last line ends. */
  readonly example: string;
  /** Narrows the rule to the requests (in latin1) it is about. */
  readonly when?: (text: string) => boolean;
}

const ACCEPTS = 'accepts';

/** What Node refuses and we accept. Nothing else may be added without thought: whoever accepts more is in danger. */
const WE_ACCEPT: readonly NodeRule[] = [
  {
    ours: ACCEPTS,
    node: 'HPE_INVALID_METHOD',
    reason: 'a method is any token (RFC 9110 §9.1); Node knows a list',
    example: 'FOOBAR / HTTP/1.1\r\nHost: a',
    when: (text) => !METHODS.includes(/^[\r\n]*(\S*)/.exec(text)![1]!),
  },
  {
    ours: ACCEPTS,
    node: 'HPE_INVALID_VERSION',
    reason: 'a higher minor version is read as 1.1 (RFC 9110 §2.5); Node knows 1.0 and 1.1',
    example: 'GET / HTTP/1.2\r\nHost: a',
    when: (text) => / HTTP\/1\.[2-9]\r\n/.test(text),
  },
  {
    ours: ACCEPTS,
    node: 'HPE_INVALID_VERSION',
    reason:
      'Node takes the reserved method PRI for the start of HTTP/2 only (RFC 9113 §11.6); to us it is a token',
    example: 'PRI / HTTP/1.1\r\nHost: a',
    when: (text) => /^[\r\n]*PRI /.test(text),
  },
];

/** What both accept and read differently. */
const READ_OTHERWISE: readonly NodeRule[] = [
  {
    ours: 'target',
    node: 'target',
    reason: 'Node leaves an absolute target as it is; we take authority and path from it (RFC 9112 §3.2.2)',
    example: 'GET http://a/x HTTP/1.1\r\nHost: a',
    when: (text) => /^[\r\n]*\S+ https?:\/\//i.test(text),
  },
  {
    ours: 'framing-chunked',
    node: 'framing-chunked',
    reason:
      'a tab after "chunked" is white space around the value (RFC 9112 §5.1); Node stops decoding at it',
    example: 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t',
    when: (text) => /\ntransfer-encoding:[ \t]*chunked *\t/i.test(text),
  },
];

/** What we refuse, by our rule, and Node accepts. */
const NODE_ACCEPTS: readonly NodeRule[] = [
  {
    ours: 'authority-mismatch',
    node: ACCEPTS,
    reason: 'Node does not compare target and Host; two readers would route differently (RFC 9112 §3.2.2)',
    example: 'GET http://b/ HTTP/1.1\r\nHost: a',
  },
  {
    ours: 'bare-cr',
    node: ACCEPTS,
    reason: 'Node skips any CR and LF before a request line',
    example: '\rGET / HTTP/1.1\r\nHost: a',
    when: (text) => /^[\r\n]*\r[^\n]/.test(text),
  },
  {
    ours: 'coding',
    node: ACCEPTS,
    reason: 'Node takes codings it does not know, and lists; 400 or 501 (RFC 9112 §6.1, §6.3)',
    example: 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked',
  },
  {
    ours: 'coding-in-1.0',
    node: ACCEPTS,
    reason: 'Node decodes chunks in HTTP/1.0, where framing by a coding is faulty (RFC 9112 §6.1)',
    example: 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked',
  },
  {
    ours: 'connect',
    node: ACCEPTS,
    reason: 'Node hands CONNECT to whoever listens for it; a reverse proxy opens no tunnels',
    example: 'CONNECT a:80 HTTP/1.1\r\nHost: a:80',
  },
  {
    ours: 'empty-lines',
    node: ACCEPTS,
    reason: 'Node skips any number of empty lines before a request; we skip two (RFC 9112 §2.2)',
    example: '\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a',
  },
  {
    ours: 'expectation',
    node: ACCEPTS,
    reason: 'Node looks for 100-continue anywhere in the value; anything else is 417 (RFC 9110 §10.1.1)',
    example: 'GET / HTTP/1.1\r\nHost: a\r\nExpect: y 100-continue',
  },
  {
    ours: 'bad_expect',
    node: ACCEPTS,
    reason: 'several Expect lines in HTTP/1.0, where none counts (RFC 9110 §10.1.1): we are too strict',
    example: 'GET / HTTP/1.0\r\nExpect: 100-continue\r\nExpect: 100-continue',
  },
  {
    ours: 'head-too-large',
    node: ACCEPTS,
    reason: 'this Node server has a higher limit',
    example: `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}`,
  },
  {
    ours: 'host',
    node: ACCEPTS,
    reason: 'Node does not look at the value of Host (RFC 9110 §7.2)',
    example: 'GET / HTTP/1.1\r\nHost: u@a/b',
  },
  {
    ours: 'length-range',
    node: ACCEPTS,
    reason: 'Node counts to 2^64, where its own numbers are exact to 2^53',
    example: 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740993',
  },
  {
    ours: 'method',
    node: ACCEPTS,
    reason: 'Node skips a bare LF before a request line',
    example: '\nGET / HTTP/1.1\r\nHost: a',
    when: (text) => /^[\r\n]*\n/.test(text),
  },
  {
    ours: 'no-host',
    node: ACCEPTS,
    reason: 'Node answers 400 itself and then reads the next request of the pipeline; we close',
    example: 'GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a',
    when: (text) => text.trimStart().split('\r\n\r\n').length > 2,
  },
  {
    ours: 'no-version',
    node: ACCEPTS,
    reason: 'Node serves HTTP/0.9',
    example: 'GET /',
  },
  {
    ours: 'several-codings',
    node: ACCEPTS,
    reason: 'Node reads the last of several coding lines as the one that counts',
    example: 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked',
  },
  {
    ours: 'several-hosts',
    node: ACCEPTS,
    reason: 'Node takes the first of several Host lines (RFC 9112 §3.2: 400)',
    example: 'GET / HTTP/1.1\r\nHost: a\r\nHost: b',
  },
  {
    ours: 'target-authority',
    node: ACCEPTS,
    reason: 'Node does not look into an absolute target',
    example: 'GET http://u@a/ HTTP/1.1\r\nHost: a',
  },
  {
    ours: 'target-empty',
    node: ACCEPTS,
    reason: 'Node skips several spaces before the target (RFC 9112 §3: one)',
    example: 'GET  / HTTP/1.1\r\nHost: a',
    when: (text) => /^[\r\n]*\S+ {2,}/.test(text),
  },
  {
    ours: 'target-form',
    node: ACCEPTS,
    reason: 'Node takes * with every method, and any scheme',
    example: 'GET * HTTP/1.1\r\nHost: a',
    when: (text) => /^[\r\n]*\S+ (\*|[a-z]+:)/i.test(text),
  },
  {
    ours: 'target-fragment',
    node: ACCEPTS,
    reason: 'Node takes a fragment, which is not sent (RFC 9112 §3.2)',
    example: 'GET /a#b HTTP/1.1\r\nHost: a',
  },
  {
    ours: 'too-many-fields',
    node: ACCEPTS,
    reason: 'this Node server has no limit',
    example: `GET / HTTP/1.1\r\nHost: a${'\r\nX: 1'.repeat(200)}`,
  },
  {
    ours: 'uri-too-long',
    node: ACCEPTS,
    reason: 'Node has one limit for the head as a whole',
    example: `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: a`,
  },
  {
    ours: 'version',
    node: ACCEPTS,
    reason: 'Node skips several spaces before the version (RFC 9112 §3: one)',
    example: 'GET /  HTTP/1.1\r\nHost: a',
    when: (text) => /^[\r\n]*\S+ +\S+ {2,}HTTP/.test(text),
  },
  {
    ours: 'version-unsupported',
    node: ACCEPTS,
    reason: 'Node takes HTTP/2.0 and HTTP/0.9 in a request line (505)',
    example: 'GET / HTTP/2.0\r\nHost: a',
    when: (text) => / HTTP\/[02]/.test(text),
  },
];

export const NODE_RULES: readonly NodeRule[] = [...WE_ACCEPT, ...READ_OTHERWISE, ...NODE_ACCEPTS];

export function ruleFor({ ours, node }: Difference, text: string): NodeRule | undefined {
  return NODE_RULES.find((rule) => {
    return rule.ours === ours && rule.node === node && (rule.when === undefined || rule.when(text));
  });
}
