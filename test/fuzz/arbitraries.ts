import fc from 'fast-check';
import type { Case } from './generator.ts';
import { LIMITS } from './limits.ts';
import * as words from './vocabulary.ts';

/** Messages for property tests: they shrink to the few lines and bytes that matter. */

function of(usual: readonly string[], odd: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...usual) }, fc.constantFrom(...odd));
}

function line(name: string, usual: readonly string[], odd: readonly string[]): fc.Arbitrary<string> {
  return of(usual, odd).map((value) => `${name}: ${value}`);
}

const lineEnd = fc.oneof(
  { weight: 60, arbitrary: fc.constant('\r\n') },
  fc.constantFrom(...words.ODD_LINE_ENDS),
);
const latin1 = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 12 });

const fieldLine = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...words.PLAIN_FIELDS) },
  { weight: 2, arbitrary: line('Content-Length', words.LENGTHS, words.ODD_LENGTHS) },
  { weight: 2, arbitrary: line('Transfer-Encoding', words.CODINGS, words.ODD_CODINGS) },
  { weight: 2, arbitrary: line('Connection', words.OPTIONS, words.ODD_OPTIONS) },
  line('Upgrade', words.UPGRADES, words.ODD_UPGRADES),
  line('Expect', words.EXPECTATIONS, words.ODD_EXPECTATIONS),
  line('Host', words.HOSTS, words.ODD_HOSTS),
  fc.constantFrom(...words.ODD_LINES),
  fc.tuple(latin1, latin1).map(([name, value]) => `${name}:${value}`),
);

/** Lines with their ends, and the empty one. */
const fieldLines = fc
  .tuple(fc.array(fc.tuple(fieldLine, lineEnd), { maxLength: 6 }), lineEnd)
  .map(([lines, end]) => lines.flat().join('') + end);

const requestText = fc
  .tuple(
    of(words.METHODS, words.ODD_METHODS),
    of(words.TARGETS, words.ODD_TARGETS),
    of(words.VERSIONS, words.ODD_VERSIONS),
    line('Host', words.HOSTS, words.ODD_HOSTS),
    fieldLines,
  )
  .map(([method, target, version, host, rest]) => `${method} ${target} ${version}\r\n${host}\r\n${rest}`);

const responseText = fc
  .tuple(
    of(words.VERSIONS, words.ODD_VERSIONS),
    of(words.STATUSES, words.ODD_STATUSES),
    of(words.REASONS, words.ODD_REASONS),
    fieldLines,
  )
  .map(([version, status, reason, rest]) => `${version} ${status}${reason}\r\n${rest}`);

const chunk = fc
  .tuple(latin1, of(words.EXTENSIONS, words.ODD_EXTENSIONS), lineEnd, lineEnd)
  .map(([data, extension, end1, end2]) => `${data.length.toString(16)}${extension}${end1}${data}${end2}`);

const chunkedText = fc
  .tuple(fc.array(chunk, { maxLength: 4 }), of(['0'], words.ODD_SIZES), lineEnd, fieldLines)
  .map(([chunks, last, end, trailers]) => `${chunks.join('')}${last}${end}${trailers}`);

/** Bytes to set, insert or (-1) take out. */
const edits = fc.array(
  fc.record({
    at: fc.nat(400),
    byte: fc.oneof(
      fc.constantFrom(...Buffer.from(words.TELLING_BYTES, 'latin1')),
      fc.integer({ min: -1, max: 255 }),
    ),
    inserts: fc.boolean(),
  }),
  { maxLength: 2 },
);

function bytesOf(text: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  return fc.tuple(text, edits).map(([plain, changes]) => {
    const bytes = [...Buffer.from(plain, 'latin1')];
    for (const { at, byte, inserts } of changes) {
      const place = at % (bytes.length + 1);
      if (byte === -1) bytes.splice(place, 1);
      else bytes.splice(place, inserts ? 0 : 1, byte);
    }
    return Buffer.from(bytes);
  });
}

function caseOf(kind: Case['kind'], text: fc.Arbitrary<string>): fc.Arbitrary<Case> {
  return fc.record({
    kind: fc.constant(kind),
    bytes: bytesOf(text),
    limits: fc.constantFrom(...LIMITS),
    method: fc.constantFrom('GET', 'HEAD', 'POST'),
  });
}

export const requestCase = caseOf('request', requestText);
export const responseCase = caseOf('response', responseText);
export const chunkedCase = caseOf('chunked', chunkedText);
