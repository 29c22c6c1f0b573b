/** What the upstream gets says what was understood, and says it once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requestHead } from '../../src/data/head-writer.ts';
import type { RequestHead } from '../../src/data/http1/heads.ts';
import { requestCase } from './arbitraries.ts';
import { generate } from './generator.ts';
import { ourHead } from './ours.ts';
import { hostOf, type Request, readRequest } from './reference.ts';
import { dump } from './shrink.ts';

/** The same head, written and read again, must fit. */
const ROOMY = { headBytes: 100_000, uriBytes: 20_000, fields: 200 };
const BACKEND = 'backend.test:8080';

/** Names that frame or route a message: neither they nor what some servers take for them may come from the client. */
const GUARDED = new Map([
  ['host', 1],
  ['content-length', 1],
  ['transfer-encoding', 1],
  ['connection', 1],
  ['upgrade', 1],
  ['te', 1],
  ['expect', 1],
  ['x-real-ip', 1],
  ['x-request-id', 1],
  ['x-forwarded-for', 1],
  ['x-forwarded-proto', 1],
  ['keep-alive', 0],
  ['proxy', 0],
  ['proxy-connection', 0],
]);

function rewritten(head: RequestHead, isTrusted: boolean): Buffer {
  const text = requestHead(head, head.target, head.authority === '' ? BACKEND : head.authority, {
    ...{ peer: '10.1.2.3', client: '10.1.2.3', scheme: 'http', port: 80, requestId: 'id-1' },
    ...{ isTrusted, clientFields: '', strippedPrefix: null },
  });
  return Buffer.from(text, 'latin1');
}

function checkRewriting(bytes: Buffer, isTrusted: boolean): void {
  const head = ourHead(bytes, ROOMY);
  if (head === null) return;
  const written = rewritten(head, isTrusted);
  const again = readRequest(written, ROOMY);
  const hint = `${dump(bytes)}\nbecame ${dump(written)}`;
  expect(again, hint).toMatchObject(meaningOf(head, written.length));
  expect(ourHead(written, ROOMY), hint).toMatchObject(optionsOf(head));
  checkFields(head, again as Request, hint);
}

/** As the reference must understand it. */
function meaningOf({ method, target, authority, framing, expectsContinue }: RequestHead, length: number) {
  const host = hostOf(authority === '' ? BACKEND : authority);
  return {
    kind: 'request',
    minor: 1,
    keepAlive: true,
    ...{ method, target, host, framing, expectsContinue, length },
  };
}

/** As we must: an upgrade leaves no room for `TE`. */
function optionsOf({ upgrade, takesTrailers }: RequestHead) {
  return { upgrade, takesTrailers: upgrade === null && takesTrailers };
}

function checkFields(head: RequestHead, again: Request, hint: string): void {
  const counts = new Map<string, number>();
  for (let at = 0; at < again.fields.length; at += 2) {
    const plain = again.fields[at]!.toLowerCase().replace(/[_.]/g, '-');
    counts.set(plain, (counts.get(plain) ?? 0) + 1);
  }
  for (const [name, most] of GUARDED)
    expect(counts.get(name) ?? 0, `${name} of ${hint}`).toBeLessThanOrEqual(most);
  const framing = (counts.get('content-length') ?? 0) + (counts.get('transfer-encoding') ?? 0);
  expect(framing, `framing fields of ${hint}`).toBe(head.framing.kind === 'none' ? 0 : 1);
  expect(unmanaged(again.fields), hint).toEqual(unmanaged(head.fields, head.nominated));
}

/** Fields that are nobody's business pass in order, unless the client nominated them (RFC 9110 §7.6.1). */
function unmanaged(fields: readonly string[], nominated: readonly string[] | null = null): string[] {
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!.toLowerCase();
    if (!UNMANAGED.test(name) || nominated?.includes(name)) continue;
    kept.push(`${fields[at]}: ${fields[at + 1]}`);
  }
  return kept;
}

const UNMANAGED =
  /^(accept|user-agent|cookie|content-type|__proto__|constructor|x-(empty|blank|tab|text|colon|pad|\d+))$/;

test('a request that is written again means the same', () => {
  fc.assert(
    fc.property(requestCase, fc.boolean(), ({ bytes }, isTrusted) => checkRewriting(bytes, isTrusted)),
    { numRuns: 4000 },
  );
});

test('so do the generated ones', () => {
  for (let number = 0; number < 8000; number++) {
    const { input } = generate(2, number);
    if (input.kind === 'request') checkRewriting(input.bytes, number % 2 === 0);
  }
});
