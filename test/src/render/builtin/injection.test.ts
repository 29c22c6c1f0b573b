import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Pool, Route } from '../../../../router/model.ts';
import { renderHaproxy } from '../../../../src/render/builtin/haproxy.ts';
import { renderNginx } from '../../../../src/render/builtin/nginx.ts';
import { haproxyQuote, ident, nginxQuote } from '../../../../src/render/quote.ts';
import { pool, route, state } from './stage.ts';
import { haproxyStructure, nginxStructure } from './structure.ts';

const PIECES = [
  ...[
    '\n',
    '\r',
    '\t',
    '\0',
    ' ',
    ';',
    '{',
    '}',
    '"',
    "'",
    '\\',
    '#',
    '$',
    '`',
    '%',
    '|',
    '\u202e',
    'é',
    '\n}\n',
  ],
  ...[
    '$http_x',
    '%[env(HOME)]',
    '%{+Q}o',
    'include /etc/passwd;',
    'load_module x;',
    'lua-load x',
    'stats socket x',
  ],
  ...[
    'backend x',
    '}\nserver {',
    "' if TRUE",
    '"; return 200; "',
    '-f /etc/passwd',
    '--',
    ')',
    'a',
    '/',
    '.',
    '*',
  ],
];
const hostile = fc
  .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''));
const runs = { numRuns: 100 };

/** Names are always written, encoded: the files differ from harmless ones in nothing but arguments. */
function named(texts: readonly string[]): { routes: Route[]; pools: Pool[] } {
  const pools = texts.map((text) => pool(`p ${text}`, [1000]));
  const endpoints = (text: string, each: Pool): Pool => ({
    ...each,
    service: text,
    endpoints: each.endpoints.map((endpoint) => ({ ...endpoint, id: text, instance: text })),
  });
  const routes = texts.map((text, at) => ({
    ...route({ host: `h${at}.test`, path: '/x' }, { strip: '/x', deny: ['10.0.0.0/8'] }, `p ${text}`),
    id: `r ${text}`,
    service: text,
    source: { provider: 'consul' as const, service: text, instances: [text], text },
  }));
  return { routes, pools: pools.map((each, at) => endpoints(texts[at]!, each)) };
}

describe('names from the catalog', () => {
  it('never change the structure of either file', () => {
    const texts = fc.uniqueArray(hostile, { minLength: 3, maxLength: 3 });
    const [plainNginx, plainHaproxy] = [
      nginxStructure(renderNginx(state(named(['a', 'b', 'c']))).text),
      haproxyStructure(renderHaproxy(state(named(['a', 'b', 'c']))).text),
    ];
    fc.assert(
      fc.property(texts, (three) => {
        const input = state(named(three));
        expect(nginxStructure(renderNginx(input).text)).toEqual(plainNginx);
        expect(haproxyStructure(renderHaproxy(input).text)).toEqual(plainHaproxy);
      }),
      runs,
    );
  });
});

/** Every place that takes a value, filled with one that has no business there. */
const PLACES: readonly ((text: string) => { routes?: Route[]; pools?: Pool[]; [name: string]: unknown })[] = [
  (text) => ({ routes: [route({ host: text })] }),
  (text) => ({ routes: [route({ path: `/${text}`, match: 'text' })] }),
  (text) => ({ routes: [route({ path: `/${text}` }, { strip: `/${text}` })] }),
  (text) => ({ routes: [route({ methods: [text] })] }),
  (text) => ({ routes: [route({ listeners: [text] })] }),
  (text) => ({ routes: [route({}, { prefix: `/${text}` })] }),
  (text) => ({ routes: [route({}, { strip: text })] }),
  (text) => ({ routes: [route({}, { host: { kind: 'name', name: text } })] }),
  (text) => ({ routes: [route({}, { redirect: { status: 302, location: `https://x/${text}` } }, null)] }),
  (text) => ({ routes: [route({}, { allow: [text] })] }),
  (text) => ({ routes: [route({}, { deny: [`10.0.0.0/8${text}`] })] }),
  (text) => ({ routes: [route({}, { proxy: text as 'v1' })] }),
  (text) => ({ routes: [route({ host: text, stream: { kind: 'sni', port: 21_000 } })] }),
  (text) => ({ pools: [pool('web', [1000], { balance: { kind: 'hash', on: 'header', name: text } })] }),
  (text) => ({ pools: [pool('web', [1000], { balance: { kind: 'hash', on: 'cookie', name: text } })] }),
  (text) => ({
    pools: [{ ...pool('web', [1000]), endpoints: [{ ...pool('web', [1]).endpoints[0]!, address: text }] }],
  }),
  (text) => ({ listeners: [{ name: text, address: { host: '', port: 8080 }, protocol: 'http' as const }] }),
  (text) => ({ certificates: [{ id: text, names: [text], certificate: `/${text}`, key: `/${text}` }] }),
];

describe('values that enter the files', () => {
  // What any state may be made of; whatever is smuggled in would be something else.
  const rich = [
    route(
      { host: 'a.test', path: '/x', methods: ['GET'] },
      { strip: '/x', prefix: '/y', deny: ['10.0.0.0/8'], allow: ['::/0'] },
    ),
    route({ host: 'b.test' }, { redirect: { status: 302, location: 'https://$host$path' } }, null),
    route({ host: 'c.test' }, { host: { kind: 'name', name: 'd.test' }, https: 'redirect', timeoutMs: 5 }),
    route({ host: 'e.test' }, { https: 'only' }, 'hash'),
    route({ host: 'f.test' }, {}, 'missing'),
    route({ host: 'g.test' }, {}, 'random'),
    route({ stream: { kind: 'tcp', port: 21_001 } }, { proxy: 'v1', allow: ['::/0'], deny: ['10.0.0.0/8'] }),
    route(
      { host: 's.test', stream: { kind: 'sni', port: 21_000 } },
      { allow: ['::/0'], deny: ['10.0.0.0/8'] },
    ),
  ];
  const pools = [
    pool('web', [1000], { maxconn: 5 }),
    pool('hash', [1000], { balance: { kind: 'hash', on: 'header', name: 'x' } }),
    pool('random', [1000], { balance: { kind: 'random' } }),
  ];
  const knownNginx = new Set(nginxStructure(renderNginx(state({ routes: rich, pools })).text));
  const knownHaproxy = new Set(haproxyStructure(renderHaproxy(state({ routes: rich, pools })).text));

  it.each(PLACES.map((place, at) => [String(place('TEXT').routes?.[0]?.id ?? at), place] as const))(
    'are of their kind or left out (%s)',
    (_name, place) => {
      fc.assert(
        fc.property(hostile, (text) => {
          const placed = place(text);
          const input = state({ routes: [route({ host: 'a.test' })], pools, ...placed });
          expect(nginxStructure(renderNginx(input).text).filter((name) => !knownNginx.has(name))).toEqual([]);
          for (const name of haproxyStructure(renderHaproxy(input).text))
            expect(knownHaproxy).toContain(name);
        }),
        { numRuns: 30 },
      );
    },
  );

  it('are named with a reason when they are left out', () => {
    const input = state({
      routes: [route({ host: 'a.test;' }), route({ path: '/x' }, { host: { kind: 'name', name: 'a;b' } })],
      pools,
    });
    for (const { shortfalls, text } of [renderNginx(input), renderHaproxy(input)]) {
      expect(shortfalls).toEqual([
        { route: '/x', reason: 'answers 501: the host for the upstream is not a host name' },
        { route: 'a.test;/', reason: 'left out: its host is not a host name' },
      ]);
      expect(text).toContain(
        '# not as in the router: /x: answers 501: the host for the upstream is not a host name',
      );
    }
  });
});

describe('quoting', () => {
  it('gives one word back as it was, or refuses', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const quoted of [tryTo(() => nginxQuote(text)), tryTo(() => haproxyQuote(text))])
          expect(quoted ?? '').not.toMatch(/[\n\r\0]/);
        const nginx = tryTo(() => nginxQuote(text));
        if (nginx !== null) expect(nginxStructure(`a ${nginx};`)).toEqual(['a']);
        const haproxy = tryTo(() => haproxyQuote(text));
        if (haproxy !== null) expect(haproxyStructure(`${haproxy} x`)).toHaveLength(1);
      }),
      runs,
    );
  });

  it('encodes names so that different ones stay different, also where case does not count', () => {
    expect(ident('web@10.0.0.1:80')).toBe('web_4010.0.0.1_3a80');
    expect(ident('Web')).not.toBe(ident('web'));
    expect(ident('x'.repeat(500)).length).toBeLessThanOrEqual(180);
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        expect(ident(a) === ident(b)).toBe(a === b);
        expect(ident(a)).toMatch(/^[a-z0-9._-]+$/);
      }),
      runs,
    );
  });
});

function tryTo(quote: () => string): string | null {
  try {
    return quote();
  } catch {
    return null;
  }
}
