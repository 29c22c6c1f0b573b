/** What the client gets says what was understood of the upstream's answer, and says it once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lastChunk, responseFraming, responseHead } from '../../src/data/head-writer.ts';
import { ChunkedDecoder } from '../../src/data/http1/chunked.ts';
import type { ResponseHead } from '../../src/data/http1/heads.ts';
import { chunkedCase, responseCase } from './arbitraries.ts';
import { type Case, generate } from './generator.ts';
import { ourHead, ourResponseHead } from './ours.ts';
import { type Framing, type Response, readChunked, readResponse } from './reference.ts';
import { dump } from './shrink.ts';

const ROOMY = { headBytes: 100_000, uriBytes: 20_000, fields: 200 };

function checkAnswer({ bytes, method }: Case): void {
  const head = ourResponseHead(bytes, ROOMY, method);
  // A 101 ends the conversation in HTTP.
  if (head === null || head.status === 101) return;
  const asked = ourHead(Buffer.from(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`), ROOMY)!;
  const framing = responseFraming(head, 1);
  const written = Buffer.from(responseHead(head, framing, asked, head.keepAlive), 'latin1');
  const again = readResponse(written, ROOMY, method);
  const hint = `${method}, ${dump(bytes)}\nbecame ${dump(written)}`;
  expect(again, hint).toMatchObject(meaningOf(head, framing, written.length));
  const framed = framingFields(again as Response);
  if (framing.kind !== 'none') expect(framed, hint).toHaveLength(1);
  // A length may describe the body that is not there (HEAD, 304).
  else expect(framed.length, hint).toBeLessThanOrEqual(1);
}

/** An interim answer says nothing about the connection. */
function meaningOf({ status, reason, keepAlive }: ResponseHead, framing: Framing, length: number) {
  const known = { kind: 'response', minor: 1, ...{ status, reason, framing, length } };
  return status < 200 ? known : { ...known, keepAlive };
}

/** Name and number, as they stand. */
function framingFields({ fields }: Response): string[] {
  return fields
    .map((name, at) => `${name}: ${fields[at + 1]}`.toLowerCase())
    .filter((line, at) => at % 2 === 0 && /^(content-length|transfer-encoding):/.test(line));
}

test('an answer that is written again means the same', () => {
  fc.assert(fc.property(responseCase, checkAnswer), { numRuns: 3000 });
});

test('so do the generated ones', () => {
  for (let number = 0; number < 12_000; number++) {
    const { input } = generate(4, number);
    if (input.kind === 'response') checkAnswer(input);
  }
});

test('trailers are written again without any that could change framing, routing or trust', () => {
  const property = fc.property(chunkedCase, ({ bytes }) => {
    const decoder = new ChunkedDecoder(ROOMY);
    decoder.decode(bytes, 0, bytes.length, () => {});
    if (!decoder.isDone) return;
    const written = Buffer.from(lastChunk(decoder.trailers, decoder.trailerKinds), 'latin1');
    const { outcome } = readChunked(written, ROOMY);
    expect(outcome, dump(written)).toMatchObject({ kind: 'body', length: written.length });
    if (outcome.kind !== 'body') return;
    const names = outcome.trailers.filter((_, at) => at % 2 === 0);
    expect(names.filter((name) => FORBIDDEN.test(name))).toEqual([]);
  });
  fc.assert(property, { numRuns: 3000 });
});

/** `_` and `.` stand for `-` with many servers. */
const FORBIDDEN = new RegExp(
  `^(${[
    'host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade|authorization|cookie|forwarded',
    'x-forwarded-(for|proto|host|port|prefix)|x-real-ip|x-request-id',
  ]
    .join('|')
    .replaceAll('-', '[-_.]')})$`,
  'i',
);
