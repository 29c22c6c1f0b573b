import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_HELLO_BYTES, readClientHello } from '../../tls/client-hello.ts';
import {
  alpn,
  extension,
  helloMessage,
  realHello,
  records,
  serverName,
  u16,
  vector16,
} from '../support/hello.ts';

function hello(extensions: Buffer | null, size?: number): Buffer {
  return records(helloMessage({ extensions }), size);
}

describe('hellos of real clients', () => {
  test.each([
    ['TLS 1.3', { minVersion: 'TLSv1.3' as const }],
    ['TLS 1.2', { maxVersion: 'TLSv1.2' as const }],
  ])('%s', async (_name, versions) => {
    const bytes = await realHello({
      ...versions,
      servername: 'Db.Example.com',
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    expect(readClientHello(bytes)).toEqual({
      ...{ kind: 'hello', serverName: 'db.example.com', alpn: ['h2', 'http/1.1'] },
    });
    for (let length = 0; length < bytes.length; length++) {
      expect(readClientHello(bytes.subarray(0, length)).kind).toBe('need-more');
    }
  });

  test('without a name', async () => {
    expect(readClientHello(await realHello({}))).toEqual({ kind: 'hello', serverName: null, alpn: [] });
  });
});

describe('records', () => {
  test.each([1, 2, 3, 4, 5, 7, 64, 100])('a hello in records of %i bytes, cut anywhere', (size) => {
    const bytes = hello(Buffer.concat([serverName('a.test'), alpn('postgresql')]), size);
    for (let length = 0; length < bytes.length; length++) {
      expect(readClientHello(bytes.subarray(0, length)).kind).toBe('need-more');
    }
    // Whoever looks only when it is told to finds it as soon as it is whole.
    let at = 0;
    let looks = 0;
    for (;;) {
      const read = readClientHello(bytes.subarray(0, at));
      looks += 1;
      if (read.kind !== 'need-more') break;
      expect(read.atLeast).toBeGreaterThan(at);
      at = read.atLeast;
    }
    expect(at).toBe(bytes.length);
    expect(looks).toBeLessThan(2 * Math.ceil(bytes.length / (size + 5)) + 4);
    expect(readClientHello(bytes)).toEqual({ kind: 'hello', serverName: 'a.test', alpn: ['postgresql'] });
  });

  test('what follows the hello is somebody else’s', () => {
    const more = Buffer.concat([hello(serverName('a.test')), Buffer.from([20, 3, 3, 0, 1, 1])]);
    expect(readClientHello(more)).toMatchObject({ serverName: 'a.test' });
    const inside = records(Buffer.concat([helloMessage(), Buffer.from('more')]));
    expect(readClientHello(inside)).toMatchObject({ serverName: 'a.test' });
    expect(readClientHello(inside.subarray(0, 20))).toEqual({
      kind: 'need-more',
      atLeast: inside.length - 4,
    });
  });

  test.each([
    ['an empty record', Buffer.from([22, 3, 1, 0, 0])],
    ['longer than TLS allows', Buffer.from([22, 3, 1, 0x40, 0x01])],
    [
      'interrupts',
      Buffer.concat([records(helloMessage(), 40).subarray(0, 45), Buffer.from([21, 3, 1, 0, 2])]),
    ],
    [
      'not of TLS',
      Buffer.concat([records(helloMessage(), 40).subarray(0, 45), Buffer.from([22, 2, 1, 0, 2])]),
    ],
    ['not a ClientHello', records(Buffer.from([2, 0, 0, 1, 0]))],
    ['is too long', records(Buffer.from([1, 1, 0, 0]))],
  ])('malformed: %s', (reason, bytes) => {
    expect(readClientHello(bytes)).toEqual({ kind: 'malformed', reason: expect.stringContaining(reason) });
  });

  test('one that does not end is given up at the limit', () => {
    const message = Buffer.concat([Buffer.from([1, 0, 0x7f, 0]), Buffer.alloc(0x7f00)]);
    const endless = records(message, 40).subarray(0, MAX_HELLO_BYTES);
    expect(readClientHello(endless.subarray(0, -1)).kind).toBe('need-more');
    expect(readClientHello(endless)).toMatchObject({ reason: 'the ClientHello does not end' });
  });
});

test('neither single bytes nor many records make reading dear', () => {
  const message = Buffer.concat([Buffer.from([1, 0, 0x7f, 0]), Buffer.alloc(0x7f00)]);
  const bytes = records(message, 1).subarray(0, MAX_HELLO_BYTES);
  let atLeast = 0;
  let looks = 0;
  for (let length = 1; length <= bytes.length; length += 1) {
    if (length < atLeast) continue;
    looks += 1;
    const read = readClientHello(bytes.subarray(0, length));
    if (read.kind !== 'need-more') {
      expect(read).toMatchObject({ reason: 'the ClientHello is in too many records' });
      break;
    }
    atLeast = read.atLeast;
  }
  expect(looks).toBeLessThan(4_200);
});

describe('what is something else', () => {
  test.each([
    ['GET / HTTP/1.1\r\n'],
    ['SSH-2.0-x\r\n'],
    ['\x80\x2e\x01\x03\x01'],
    ['\x16\x02'],
    ['\x15\x03\x01'],
    ['\x00'],
  ])('%j is not TLS', (text) => {
    expect(readClientHello(Buffer.from(text, 'latin1'))).toEqual({ kind: 'not-tls' });
  });
});

describe('fields', () => {
  test('TLS 1.2 may leave out all extensions', () => {
    expect(readClientHello(hello(null))).toEqual({ kind: 'hello', serverName: null, alpn: [] });
  });

  test.each([
    ['a.test.', 'a.test'],
    ['A.TEST', 'a.test'],
    ['_x.a-b.test', '_x.a-b.test'],
    ['xn--bcher-kva.test', 'xn--bcher-kva.test'],
    [`${'a'.repeat(63)}.test`, `${'a'.repeat(63)}.test`],
  ])('the name %s is %s', (sent, name) => {
    expect(readClientHello(hello(serverName(sent)))).toMatchObject({ serverName: name });
  });

  test.each([
    [''],
    ['.'],
    ['a..test'],
    ['a.test..'],
    ['.a.test'],
    ['a.test\0.evil.test'],
    ['a test'],
    ['bücher.test'],
    ['*.test'],
    ['[::1]'],
    [`${'a'.repeat(64)}.test`],
    [`${'a.'.repeat(127)}a`],
    ['a'.repeat(300)],
  ])('the name %j is refused', (sent) => {
    expect(readClientHello(hello(serverName(sent)))).toEqual({
      ...{ kind: 'malformed', reason: 'the server name is broken' },
    });
  });

  const name = Buffer.concat([Buffer.from([0]), vector16(Buffer.from('a.test'))]);
  test.each([
    ['two names', extension(0, vector16(Buffer.concat([name, name])))],
    [
      'another kind of name',
      extension(0, vector16(Buffer.concat([Buffer.from([1]), vector16(Buffer.from('a'))]))),
    ],
    ['a list that is too short', extension(0, Buffer.concat([u16(3), name]))],
    ['an empty extension', extension(0, Buffer.alloc(0))],
    ['the extension twice', Buffer.concat([serverName('a.test'), serverName('b.test')])],
    ['an empty list of protocols', extension(16, vector16(Buffer.alloc(0)))],
    ['an empty protocol', extension(16, vector16(Buffer.from([0])))],
    ['a protocol beyond its list', extension(16, vector16(Buffer.from([5, 65])))],
    ['an extension beyond the end', Buffer.concat([u16(5), u16(9)])],
    ['half an extension', u16(5).subarray(1)],
  ])('malformed: %s', (_what, extensions) => {
    expect(readClientHello(hello(extensions)).kind).toBe('malformed');
  });

  test.each([
    ['the version', { version: [2, 3] }],
    ['the session id', { sessionId: Buffer.alloc(33) }],
    ['cipher suites', { suites: Buffer.alloc(0) }],
    ['cipher suites', { suites: Buffer.alloc(3) }],
    ['compression', { compression: Buffer.alloc(0) }],
  ])('malformed: %s', (what, parts) => {
    const read = readClientHello(records(helloMessage(parts)));
    expect(read).toEqual({ kind: 'malformed', reason: expect.stringContaining(what) });
  });
});

describe('whatever comes', () => {
  test('nothing throws, and a verdict stands whatever follows', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .uint8Array({ maxLength: 200 })
        .map((body) => records(Buffer.concat([Buffer.from([1, 0, 0, body.length]), body]))),
      fc.tuple(fc.nat(120), fc.nat(255), fc.integer({ min: 1, max: 60 })).map(([at, byte, size]) => {
        const message = helloMessage({ extensions: Buffer.concat([alpn('h2'), serverName('a.test')]) });
        message[at % message.length] = byte;
        return records(message, size);
      }),
    );
    fc.assert(
      fc.property(bytes, fc.uint8Array({ maxLength: 20 }), (first, more) => {
        const read = readClientHello(first);
        const later = readClientHello(Buffer.concat([first, more]));
        if (read.kind !== 'need-more') expect(later).toEqual(read);
        if (read.kind === 'hello' && read.serverName !== null)
          expect(read.serverName).toMatch(/^[a-z0-9._-]{1,253}$/);
      }),
      { numRuns: 3_000 },
    );
  });

  test('a hello in single bytes costs little', () => {
    const bytes = records(
      helloMessage({ extensions: Buffer.concat([serverName('a.test'), extension(21, Buffer.alloc(2_000))]) }),
      1,
    );
    const startedAt = performance.now();
    for (let length = 1; length < bytes.length; length += 6) readClientHello(bytes.subarray(0, length));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});
