import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBytes } from '../../../../src/render/template/bytes.ts';
import { haproxyBinary, skipExternal } from '../../../provision.ts';
import { get } from '../../../support/client.ts';
import { startNginx } from '../../../support/nginx.ts';
import { accepts, freePort } from '../../../support/ports.ts';
import { eventually, Stop, start, tail } from '../../../support/process.ts';
import { FakeDependencies, rendered } from '../fakes.ts';

/** What somebody would try who may write a tag, a meta value or a key. */
const tricks = [
  ...['', ' ', ';', '}', '{', '#', '"', "'", '\\', '$', '%', '\n', '\r', '\t', '\0', '`', '*', '|'],
  ...['a;b', 'a b', '" ; return 200 "', "' ; '", '\\"', "\\'", '\\\\', '\\', 'x\\', '\\n', '\\x41', '\\ '],
  ...[
    'a\nserver evil:80;',
    '} server { listen 1; }',
    '$host',
    ['a$', '{b}'].join(''),
    '$(id)',
    '`id`',
    '%[env(HOME)]',
    '%%',
  ],
  ...["it's", "it's $HOME", `both ' and "`, `'"\\$`, 'é', '日本', '\u2028', '\u0085', '\u200b', '\x7f', '😀'],
  ...[
    'default',
    'include /etc/passwd',
    'lua_code',
    'http-request deny',
    'if TRUE',
    'unless { always_true }',
    '-i',
    '--',
  ],
  ...[
    'x'.repeat(1000),
    '"'.repeat(50),
    '\\'.repeat(51),
    "'".repeat(50),
    fromBytes(new Uint8Array([0xff, 0x22])),
  ],
];

const anything = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .array(fc.constantFrom(...tricks), { minLength: 1, maxLength: 4 })
      .map((all) => all.join('')),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => fromBytes(bytes)) },
);

/** The same every time: what runs against a real program must not be a lottery. */
const values = [...new Set([...tricks, ...fc.sample(anything, { numRuns: 300, seed: 1 })])];

/** The values in the keys `0`, `1`, … of Consul. */
function keys(of: readonly string[]): FakeDependencies {
  const dependencies = new FakeDependencies();
  for (const [at, value] of of.entries()) dependencies.answers.set(`kv.block(${at})`, value);
  return dependencies;
}

/** null where the template fails. */
function through(name: string, value: string): string | null {
  const text = rendered(`{{ key "0" | ${name} }}`, { dependencies: keys([value]) });
  return text.startsWith('failed: ') ? null : text;
}

const accepted = (name: string): readonly string[] => values.filter((value) => through(name, value) !== null);

describe('in a template of a user', () => {
  test.skipIf(skipExternal)(
    'nginx reads each value back as it was, and nothing else',
    { timeout: 30_000 },
    async () => {
      const given = accepted('nginxQuote');
      expect(given.length).toBeGreaterThan(100);
      const text = `server {
  listen {{ env "PORT" }};
  default_type text/plain;
{{ range $at := loop ${given.length} }}  location = /{{ $at }} { return 200 {{ key (print $at) | nginxQuote }}; }
{{ end }}}
`;
      const nginx = await startNginx({
        config: ({ port }) => rendered(text, { dependencies: keys(given), environment: () => String(port) }),
      });
      try {
        for (const [at, value] of given.entries())
          expect((await get(nginx.port, { path: `/${at}` })).body, JSON.stringify(value)).toBe(value);
      } finally {
        await nginx.stop();
      }
    },
  );

  test.skipIf(skipExternal)(
    'HAProxy reads each value back as it was, and nothing else',
    { timeout: 30_000 },
    async () => {
      // It has no answer without a body.
      const given = accepted('haproxyQuote').filter((value) => value !== '');
      expect(given.length).toBeGreaterThan(100);
      const port = await freePort();
      const text = `defaults
  mode http
  timeout client 5s
  timeout connect 5s
  timeout server 5s
frontend f
  bind 127.0.0.1:${port}
{{ range $at := loop ${given.length} }}  http-request return status 200 content-type text/plain string {{ key (print $at) | haproxyQuote }} if { path /{{ $at }} }
{{ end }}  http-request deny
`;
      const folder = await mkdtemp(join(tmpdir(), 'fairlead-haproxy-'));
      await writeFile(join(folder, 'haproxy.cfg'), rendered(text, { dependencies: keys(given) }));
      const child = await start(await haproxyBinary(), ['-db', '-f', join(folder, 'haproxy.cfg')], {
        env: { HOME: '/somewhere' },
      });
      try {
        const isUp = async (): Promise<void> => {
          if (child.exit) throw new Stop(tail(child, 5));
          await accepts(port);
        };
        await eventually(isUp, { timeoutMs: 10_000 });
        for (const [at, value] of given.entries())
          expect((await get(port, { path: `/${at}` })).body, JSON.stringify(value)).toBe(value);
      } finally {
        await child.stop();
        await rm(folder, { recursive: true, force: true });
      }
    },
  );

  test('what they refuse has a reason: a control character, bytes that are no text, or a variable of nginx', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const hasControl = /[\u0000-\u001f\u007f\u0085\u2028\u2029\udc80-\udcff]/u.test(value);
        expect(through('haproxyQuote', value) === null).toBe(hasControl);
        expect(through('nginxQuote', value) === null).toBe(hasControl || value.includes('$'));
      }),
    );
  });

  test('host gives an address or a name and ident a name, whatever they are given', () => {
    const address = fc.oneof(anything, fc.ipV4(), fc.ipV6(), fc.domain());
    fc.assert(
      fc.property(address, (value) => {
        expect(through('host', value) ?? 'none').toMatch(/^(?:[A-Za-z0-9._-]+|\[[0-9a-f:.]+\])$/);
        expect(through('ident', value) ?? 'none').toMatch(/^\w[\w.-]{0,127}$/);
      }),
    );
  });
});
