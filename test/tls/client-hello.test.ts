/** What a connection begins with: whole, in pieces, and wrong in every way. */
import { describe, expect, test } from 'vitest';
import { MAX_HELLO_BYTES, readClientHello } from '../../tls/client-hello.ts';
import { helloBytes } from '../support/secure.ts';

const whole = await helloBytes({ servername: 'A.example.com', ALPNProtocols: ['h2', 'http/1.1'] });
const HELLO = { serverName: 'A.example.com', protocols: ['h2', 'http/1.1'] };

/** The same handshake message in records of this many bytes. */
function inRecords(size: number): Buffer {
  const message = whole.subarray(5);
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    parts.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(parts);
}

describe('a ClientHello', () => {
  test('is read, with and without names', async () => {
    expect(readClientHello(whole)).toEqual(HELLO);
    expect(readClientHello(await helloBytes())).toEqual({ serverName: '', protocols: [] });
    expect(readClientHello(await helloBytes({ maxVersion: 'TLSv1.2', servername: 'b' }))).toMatchObject({
      serverName: 'b',
    });
  });

  test('needs more until its last byte, however it is cut (C09)', () => {
    for (const bytes of [whole, inRecords(1), inRecords(7), inRecords(500)]) {
      for (let length = 0; length < bytes.length; length++) {
        expect(readClientHello(bytes.subarray(0, length))).toBe('more');
      }
      expect(readClientHello(bytes)).toEqual(HELLO);
      expect(readClientHello(Buffer.concat([bytes, Buffer.from('rest')]))).toEqual(HELLO);
    }
  });

  test('never throws on damaged bytes', () => {
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const damaged = Buffer.from(whole);
        damaged[at] = value;
        expect(readClientHello(damaged)).toBeDefined();
      }
    }
  });

  test.each([
    ['text', Buffer.from('GET / HTTP/1.1\r\n'), 'plain'],
    ['SSLv2', Buffer.from([0x80, 0x2e, 1, 3, 1]), 'plain'],
    ['another version', Buffer.from([22, 2]), 'bad'],
    ['a record without content', Buffer.from([22, 3, 1, 0, 0]), 'bad'],
    ['a record beyond its limit', Buffer.from([22, 3, 1, 0x40, 1]), 'bad'],
    ['another message', Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]), 'bad'],
    ['a message beyond the limit', Buffer.from([22, 3, 1, 0, 4, 1, 0, 0x40, 0]), 'bad'],
    ['another record in between', Buffer.concat([inRecords(10).subarray(0, 15), Buffer.from([23])]), 'bad'],
    ['an empty message', Buffer.from([22, 3, 1, 0, 4, 1, 0, 0, 0]), 'bad'],
  ] as const)('%s is not one', (_, bytes, expected) => {
    expect(readClientHello(bytes)).toBe(expected);
  });

  test('that does not end is given up at the limit', () => {
    const endless = Buffer.concat([
      Buffer.from([22, 3, 1, 0, 4, 1, 0, 0x3f, 0]),
      ...Array.from({ length: 5000 }, () => Buffer.from([22, 3, 1, 0, 1, 0])),
    ]);
    expect(readClientHello(endless.subarray(0, MAX_HELLO_BYTES + 20))).toBe('bad');
  });
});
