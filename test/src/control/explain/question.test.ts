import { expect, test } from 'vitest';
import { readQuestion } from '../../../../src/control/explain/question.ts';

function ask(params: readonly (readonly [string, string])[]): ReturnType<typeof readQuestion> {
  return readQuestion(new URLSearchParams(params.map(([name, value]) => [name, value] as [string, string])));
}

test.each([
  ['example.com', 'http', 'example.com', ''],
  ['http://Example.com:8080/a%2Fb//c?x=http://y#z', 'http', 'Example.com:8080', '/a%2Fb//c?x=http://y'],
  ['https://[::1]:443?q', 'https', '[::1]:443', '?q'],
  ['TCP://:15432', 'tcp', ':15432', ''],
  ['example.com/go?to=http://x/', 'http', 'example.com', '/go?to=http://x/'],
])('%s is taken apart and not changed', (url, scheme, authority, rest) => {
  expect(ask([['url', url]])).toMatchObject({ ok: true, value: { scheme, authority, rest } });
});

test('what is not said is usual', () => {
  const value = { method: 'GET', client: '127.0.0.1', listener: null, headers: [] };
  expect(ask([['url', 'a.test']])).toMatchObject({ ok: true, value });
  const headers = [
    ['x-a', 'b:c'],
    ['x-d', ''],
  ];
  expect(
    ask([
      ['url', 'a.test'],
      ['header', 'x-a: b:c '],
      ['header', 'x-d:'],
    ]),
  ).toMatchObject({ value: { headers } });
});

test.each<[readonly (readonly [string, string])[], string]>([
  [[], 'url is missing'],
  [
    [
      ['url', 'a.test'],
      ['metod', 'GET'],
    ],
    'unknown parameter "metod"',
  ],
  [
    [
      ['url', 'a.test'],
      ['url', 'b.test'],
    ],
    'url is given twice',
  ],
  [[['url', 'http://a.test/b c']], 'url cannot contain " "'],
  [[['url', 'http://a.test/\r\nX: y']], 'url cannot contain'],
  [[['url', 'http://bücher.test/']], 'url cannot contain "ü"'],
  [[['url', 'http://user@a.test/']], 'user name'],
  [
    [
      ['url', 'a.test'],
      ['method', 'GET /'],
    ],
    'is no method',
  ],
  [
    [
      ['url', 'a.test'],
      ['method', ''],
    ],
    'is no method',
  ],
  [
    [
      ['url', 'a.test'],
      ['client', '10.0.0'],
    ],
    'client "10.0.0" is no IP address',
  ],
  [
    [
      ['url', 'a.test'],
      ['header', 'nothing'],
    ],
    'is not name:value',
  ],
  [
    [
      ['url', 'a.test'],
      ['header', 'a b:c'],
    ],
    'header name "a b"',
  ],
  [
    [
      ['url', 'a.test'],
      ['header', 'a:b\r\nc:d'],
    ],
    'header a has a value',
  ],
])('%j is refused', (params, reason) => {
  const result = ask(params);
  expect(result.ok ? null : result.reason).toContain(reason);
});
