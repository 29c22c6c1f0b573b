import { describe, expect, test } from 'vitest';
import { parseBoolean, parseDuration, parseInteger, parseSize, quote } from '../../../src/config/units.ts';

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['2h45m30.5s', 9_930_500],
    ['1500us', 2],
    ['1000µs', 1],
    ['1000000ns', 1],
    ['0', 0],
    ['0s', 0],
  ])('%s', (text, value) => {
    expect(parseDuration(text)).toEqual({ ok: true, value });
  });

  test.each([
    ['5', 'has no unit: write 5s or 5ms'],
    ['1.5', 'has no unit'],
    ['-1s', 'is negative'],
    ['1d', 'unknown unit "d": use ms, s, m or h (a day is 24h)'],
    ['1 s', 'is not a duration'],
    ['s', 'is not a duration'],
    ['1s30', 'is not a duration'],
    ['1S', 'is not a duration'],
    ['1e3s', 'unknown unit'],
    ['1.2.3s', 'is not a duration'],
    ['', 'is not a duration'],
    ['1us', 'finer than a millisecond'],
    ['597h', 'longer than 596h'],
  ])('%s is refused', (text, reason) => {
    expect(parseDuration(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });
});

describe('sizes', () => {
  test.each([
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['1.5KiB', 1536],
    ['2GiB', 2_147_483_648],
    ['0', 0],
  ])('%s', (text, value) => {
    expect(parseSize(text)).toEqual({ ok: true, value });
  });

  test.each([
    ['64', 'has no unit: write 64B or 64KiB'],
    ['64KB', 'unknown unit "KB"'],
    ['64kib', 'unknown unit "kib"'],
    ['-1B', 'is not a size'],
    ['1.5B', 'not a whole number of bytes'],
    ['99999999GiB', 'not a whole number of bytes'],
    ['x', 'is not a size'],
  ])('%s is refused', (text, reason) => {
    expect(parseSize(text)).toEqual({ ok: false, reason: expect.stringContaining(reason) });
  });
});

test('whole numbers stay within their bounds', () => {
  expect(parseInteger('7', 1, 9)).toEqual({ ok: true, value: 7 });
  expect(parseInteger('0', 1, 9)).toEqual({ ok: false, reason: '0 is out of range: use 1 to 9' });
  for (const text of ['1.5', '1e3', '0x10', '-1', ' 1', '1234567890123456']) {
    expect(parseInteger(text, 0, 2000)).toMatchObject({ ok: false });
  }
});

test('booleans are those of the Go client', () => {
  for (const text of ['1', 't', 'T', 'TRUE', 'true', 'True'])
    expect(parseBoolean(text)).toMatchObject({ value: true });
  for (const text of ['0', 'f', 'F', 'FALSE', 'false', 'False'])
    expect(parseBoolean(text)).toMatchObject({ value: false });
  for (const text of ['yes', 'no', 'on', 'tRUE', '2', ''])
    expect(parseBoolean(text)).toMatchObject({ ok: false });
});

test('quoted values are escaped and short', () => {
  expect(quote('a\u001b[31m"')).toBe('"a\\u001b[31m\\""');
  expect(quote('x'.repeat(1000)).length).toBeLessThan(90);
});
