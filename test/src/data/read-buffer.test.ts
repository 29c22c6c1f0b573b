import { describe, expect, it } from 'vitest';
import { createSharedReadBuffer, ReadBuffer } from '../../../src/data/read-buffer.ts';

const LENT = 4096;

/** What the system does: fills the buffer that is due. */
function read(into: Buffer, length: number, byte: string): void {
  into.fill(byte, 0, length);
}

describe('a read buffer', () => {
  it('lends what is small, and goes on with the same buffer', () => {
    const shared = createSharedReadBuffer();
    const buffer = new ReadBuffer(shared);
    expect(buffer.next()).toBe(shared);
    // A socket that needs several handles until it is connected asks for each.
    expect(buffer.next()).toBe(shared);
    expect(buffer.take(LENT, LENT).buffer).toBe(shared.buffer);
    expect(buffer.next()).toBeUndefined();
  });

  it.each([LENT + 1, 32_767, 32_768, 65_536])('gives away %i bytes that nobody writes over', (length) => {
    const shared = createSharedReadBuffer();
    const buffer = new ReadBuffer(shared);
    let due = buffer.next()!;
    const kept: Buffer[] = [];
    for (const byte of 'abcd') {
      read(due, length, byte);
      kept.push(buffer.take(length, LENT));
      buffer.settle(true);
      due = buffer.next() ?? due;
    }
    read(shared, shared.length, 'x');
    expect(kept.map((bytes) => bytes.toString())).toEqual([...'abcd'].map((byte) => byte.repeat(length)));
  });

  it('has a buffer of its own only after a read that filled the one before', () => {
    const shared = createSharedReadBuffer();
    const buffer = new ReadBuffer(shared);
    buffer.next();
    buffer.take(65_535, LENT);
    expect(buffer.next()).toBeUndefined();
    buffer.take(65_536, LENT);
    const own = buffer.next()!;
    expect(own).not.toBe(shared);
    buffer.take(100, LENT);
    expect(buffer.next()).toBe(shared);
  });

  it('goes on with its own buffer when nobody keeps what was read, and takes another when somebody does', () => {
    const shared = createSharedReadBuffer();
    const buffer = new ReadBuffer(shared);
    buffer.next();
    buffer.take(65_536, LENT);
    buffer.settle(false);
    const own = buffer.next()!;
    expect(own).not.toBe(shared);
    buffer.take(65_536, LENT);
    buffer.settle(false);
    expect(buffer.next()).toBeUndefined();
    buffer.take(65_536, LENT);
    expect(buffer.next()).not.toBe(own);
  });

  it.each([5_000, 20_000, 65_535])(
    'copies %i bytes to the same place again when nobody keeps them',
    (length) => {
      const shared = createSharedReadBuffer();
      const [one, other] = [new ReadBuffer(shared), new ReadBuffer(shared)];
      const first = one.take(length, LENT);
      one.settle(false);
      const second = other.take(length, LENT);
      expect(second.buffer).toBe(first.buffer);
      other.settle(true);
      expect(one.take(length, LENT).buffer).not.toBe(second.buffer);
      one.settle(true);
    },
  );

  it('copies a little to a little place', () => {
    const buffer = new ReadBuffer(createSharedReadBuffer());
    expect(buffer.take(LENT + 1, LENT).buffer.byteLength).toBe(8_192);
    buffer.settle(true);
  });
});
