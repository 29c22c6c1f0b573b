import { expect, test } from 'vitest';
import { parseSince } from '../../../../src/control/history/since.ts';

const NOW_MS = Date.UTC(2026, 0, 31, 12);

test.each([
  [null, { kind: 'all' }],
  ['', { kind: 'all' }],
  ['4812', { kind: 'version', version: 4812 }],
  ['15m', { kind: 'time', atMs: NOW_MS - 900_000 }],
  ['2026-01-31', { kind: 'time', atMs: Date.UTC(2026, 0, 31) }],
  ['2026-01-31T11:00:00.500Z', { kind: 'time', atMs: Date.UTC(2026, 0, 31, 11, 0, 0, 500) }],
  ['2026-01-31T11:00+01:00', { kind: 'time', atMs: Date.UTC(2026, 0, 31, 10) }],
])('%j', (text, value) => {
  expect(parseSince(text, NOW_MS)).toEqual({ ok: true, value });
});

test.each(['yesterday', '-1', '1.5', '2026-13-01', '2026-01-31 11:00', '99999999999999999'])('%j', (text) => {
  const result = parseSince(text, NOW_MS);
  expect(result).toMatchObject({
    ok: false,
    reason: expect.stringContaining(`since=${JSON.stringify(text)}`),
  });
});
