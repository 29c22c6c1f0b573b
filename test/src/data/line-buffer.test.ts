import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, LineBuffer } from '../../../src/data/line-buffer.ts';

/** What comes out when `write` has written. */
function written(write: (lines: LineBuffer) => void): string {
  const lines = new LineBuffer();
  write(lines);
  return Buffer.from(lines.take()).toString('latin1');
}

describe('a line buffer', () => {
  it('writes labels, texts and numbers one after the other', () => {
    expect(written((lines) => lines.label(bytesOf('a=')).text('b').integer(0).integer(1_048_576))).toBe(
      'a=b01048576',
    );
  });

  it.each([
    [0, '0.000'],
    [0.0004, '0.000'],
    [0.0006, '0.001'],
    [0.9996, '1.000'],
    [12.3456, '12.346'],
    [86_400_000, '86400000.000'],
  ])('writes %d milliseconds as %s', (ms, text) => {
    expect(written((lines) => lines.millis(ms))).toBe(text);
  });

  it('writes every whole number as it is', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(written((lines) => lines.integer(value))).toBe(String(value));
      }),
    );
  });

  it('writes any value such that JSON reads it back, and nothing but printable ASCII', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (value) => {
        const text = written((lines) => lines.text('"').value(value).text('"'));
        expect(JSON.parse(text)).toBe(value);
        expect(text).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });

  it('cuts a long value and says so', () => {
    expect(written((lines) => lines.value('x'.repeat(5_000)))).toBe(`${'x'.repeat(2_048)}...`);
  });

  it('has room for a line of the longest values when it is almost full', () => {
    const lines = new LineBuffer();
    while (!lines.isFull) lines.text('x'.repeat(64));
    for (let value = 0; value < 8; value++) lines.value('\u0000'.repeat(10_000));
    const bytes = lines.take();
    expect(bytes.length).toBe(128 * 1024 + 8 * (2_048 * 6 + 3));
    expect(lines.isEmpty).toBe(true);
    // What was given away is not written over.
    lines.text('y'.repeat(1_000));
    expect(Buffer.from(bytes.subarray(0, 4)).toString()).toBe('xxxx');
  });
});
