import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { cwd, load, problemsOf } from './loading.ts';

test('everything wrong is told at once: flags, environment, then the file from top to bottom', () => {
  const yaml = `consul:
  adress: 127.0.0.1:8500
  wait: 11m
listeners:
  web: { address: "8080", protocl: http }
  x y: { address: ":1" }
timeouts:
  head: 5
admin: { address: "0.0.0.0:9998" }
trustedProxies: [10.0.0.0/8, bad]
`;
  expect(problemsOf({ yaml, flags: { workers: 'many' }, env: { FAIRLEAD_TCP_PORTS: '9-1' } })).toEqual([
    'flag --workers: "many" is not a whole number; "auto" takes every core',
    'environment FAIRLEAD_TCP_PORTS: "9-1" ends before it starts',
    'fairlead.yaml:2:3: unknown key "adress" in consul; did you mean "address"?',
    'fairlead.yaml:3:9: consul.wait: "11m" is too much: use at most 10m',
    'fairlead.yaml:5:19: listeners.web.address: "8080" is only a port: write ":8080" or "127.0.0.1:8080"',
    'fairlead.yaml:5:27: unknown key "protocl" in listeners.web; did you mean "protocol"?',
    'fairlead.yaml:6:3: "x y" is not a listener name: use letters, digits, "-" and "_"',
    'fairlead.yaml:8:9: timeouts.head: "5" has no unit: write 5s or 5ms',
    'fairlead.yaml:9:19: admin.address: 0.0.0.0:9998 can be reached from other machines and needs admin.token or admin.tokenFile',
    'fairlead.yaml:10:30: trustedProxies[1]: "bad" is not an IP address or a network like 10.0.0.0/8',
  ]);
});

test.each([
  ['consull: {}', '1:1: unknown key "consull"; did you mean "consul"?'],
  ['zzz: 1', /^fairlead.yaml:1:1: unknown key "zzz"; known here: consul, listeners, /],
  [
    'dialects: { fabio: { kvpath: x } }',
    '1:22: unknown key "kvpath" in dialects.fabio; did you mean "kvPath"?',
  ],
  [
    'routes:\n- rule: a\n  service: b\n  wieght: 1',
    '4:3: unknown key "wieght" in routes[0]; known here: rule, to, service',
  ],
  ['__proto__: { admin: 1 }', /unknown key "__proto__"/],
  ['constructor: 1', /unknown key "constructor"/],
  ['listeners: { web: {} }', '1:19: listeners.web.address: has no value'],
  [
    'listeners: { web: { address: ":1", protocol: htps } }',
    /is not one of http, https; did you mean "https"\?/,
  ],
  ['workers: 0', '1:10: workers: 0 is out of range: use 1 to 256; "auto" takes every core'],
  ['workers:', '1:1: workers: has no value'],
  ['consul: 5', /^fairlead.yaml:1:9: consul: must be a group of keys \(address, token, /],
  ['routes: {}', '1:9: routes: must be a list'],
  ['routes: [{ service: a }]', '1:10: routes[0].rule: has no value'],
  ['routes: [{ rule: a }]', '1:10: routes[0]: a route needs "to" or "service" unless its rule redirects'],
  ['routes: [{ rule: a, to: ["h:1"], service: b }]', /has either "to" or "service", not both/],
  ['routes: [{ rule: a, to: [] }]', /"to" lists no instance/],
  ['routes: [{ rule: a, to: ["10.0.0.1"] }]', /^fairlead.yaml:1:26: routes\[0\]\.to\[0\]: .*needs a port/],
  ['consul: { health: [] }', '1:19: consul.health: must name at least one state'],
  ['consul: { health: [pasing] }', /did you mean "passing"\?/],
  ['consul: { health: [maintenance] }', /is not one of passing, warning, critical/],
  ['consul: { datacenter: 1 }', '1:23: consul.datacenter: must be text: put it in quotes'],
  ['dialects: { fairlead: yes }', /"yes" is neither true nor false/],
  ['limits: { head: 10B }', /"10B" is too little: use at least 1KiB/],
  ['timeouts: { idle: 0s }', /"0s" is too little: use at least 1ms/],
  ['timeouts: { idle: [1s] }', /must be a single value/],
  ['log: { level: verbose }', /is not one of trace, debug/],
  ['accessLog: jsn', /did you mean "json"\?/],
  ['- a', '1:1: must be a group of keys'],
  ['just text', /must be a group of keys/],
])('%j', (yaml, expected) => {
  const [first, ...rest] = problemsOf({ yaml });
  expect(rest).toEqual([]);
  if (typeof expected === 'string')
    expect(first?.replace('fairlead.yaml:', '').startsWith(expected)).toBe(true);
  else expect(first).toMatch(expected);
});

describe('YAML itself', () => {
  test.each([
    ['workers: 1\nworkers: 2', 'fairlead.yaml:2:1: the key "workers" is given twice'],
    ['consul:\n  wait: 1s\n  wait: 2s', 'fairlead.yaml:3:3: the key "wait" is given twice'],
    ['a: [', 'fairlead.yaml:1:'],
    ['workers: 1\n---\nworkers: 2', 'only one YAML document is read'],
    ['workers: !secret x', 'Unresolved tag'],
    ['consul:\n\taddress: x', 'fairlead.yaml:2:'],
    ['[['.repeat(50_000), 'fairlead.yaml'],
  ])('case %# is refused', (yaml, expected) => {
    expect(problemsOf({ yaml })[0]).toContain(expected);
  });

  test('an alias bomb is refused without being expanded', () => {
    const levels = Array.from(
      { length: 20 },
      (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}*l${i}]`,
    );
    expect(problemsOf({ yaml: `l0: &l0 [x]\n${levels.join('\n')}` })).toEqual([
      'fairlead.yaml: aliases repeat too much of the file: write the values out',
    ]);
  });

  test('a few aliases are fine, and positions follow them', () => {
    const yaml = 'timeouts: { head: &t 20s, idle: *t }';
    expect(load({ yaml })).toMatchObject({
      ok: true,
      config: { timeouts: { headMs: 20_000, idleMs: 20_000 } },
    });
    expect(problemsOf({ yaml: 'admin: &x\n  tokn: a\nconsul: *x' }).toSorted()).toEqual([
      'fairlead.yaml:2:3: unknown key "tokn" in admin; did you mean "token"?',
      'fairlead.yaml:2:3: unknown key "tokn" in consul; did you mean "token"?',
    ]);
  });

  test('a file beyond 1 MiB is refused', () => {
    expect(problemsOf({ yaml: `# ${'x'.repeat(1024 * 1024)}` })).toEqual(['fairlead.yaml: larger than 1MiB']);
  });
});

describe('files on disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-config-'));
  const loadFile = (config: string) => loadConfig({ flags: { config }, env: {}, cwd: folder });

  test('positions carry the name as it was typed', () => {
    const path = join(folder, 'typed.yaml');
    writeFileSync(path, 'workers: x');
    expect(loadFile(path)).toMatchObject({ problems: [{ at: `${path}:1:10` }] });
    expect(loadFile('./typed.yaml')).toMatchObject({ problems: [{ at: './typed.yaml:1:10' }] });
  });

  test.each([
    ['/dev/zero', 'larger than 1MiB'],
    [folder, 'this is a folder, not a file'],
  ])('%s', (path, reason) => {
    expect(loadFile(path)).toMatchObject({ problems: [{ message: expect.stringContaining(reason) }] });
  });

  test('other encodings are refused', () => {
    writeFileSync(join(folder, 'latin1.yaml'), Buffer.from([0x61, 0xe9]));
    expect(loadFile('latin1.yaml')).toMatchObject({
      problems: [{ message: expect.stringContaining('not UTF-8') }],
    });
  });

  test('a reader that fails in any way is a problem, never an exception', () => {
    const read = () => {
      throw new Error('disk on fire');
    };
    expect(loadConfig({ flags: {}, env: {}, cwd, read })).toEqual({
      ok: false,
      problems: [{ at: 'fairlead.yaml', message: 'cannot read: disk on fire' }],
    });
  });
});

describe('rules between keys', () => {
  test.each([
    ['flag', { flags: { admin: ':9998' } }, 'flag --admin: admin.address: :9998 can be reached'],
    [
      'environment',
      { env: { FAIRLEAD_ADMIN_ADDRESS: '10.0.0.1:1' } },
      'environment FAIRLEAD_ADMIN_ADDRESS: admin.address',
    ],
    [
      'file',
      { yaml: 'admin:\n  address: "[::]:1"' },
      'fairlead.yaml:2:12: admin.address: [::]:1 can be reached',
    ],
  ])('an open admin address without token, from the %s', (_, given, expected) => {
    expect(problemsOf(given)).toEqual([expect.stringContaining(expected)]);
    expect(
      problemsOf({ ...given, env: { ...('env' in given ? given.env : {}), FAIRLEAD_ADMIN_TOKEN: 't' } }),
    ).toEqual([]);
  });

  test('what is unusable is not concluded from', () => {
    expect(problemsOf({ yaml: 'admin: { address: ":1", token: 12 }' })).toEqual([
      'fairlead.yaml:1:32: admin.token: must be text: put it in quotes',
    ]);
    expect(problemsOf({ yaml: 'listeners: { web: { address: x } }' })).toHaveLength(1);
  });

  test.each([
    [
      'listeners: { a: { address: ":1" }, b: { address: "127.0.0.1:1" } }',
      'listener "b" cannot have 127.0.0.1:1: listener "a" has it',
    ],
    ['listeners: { a: { address: ":9998" } }', 'listener "a" cannot have :9998: the admin address has it'],
    [
      'listeners: {}',
      'nothing to listen on: no http listener, no tcp.ports, no udp.ports, no route with a port',
    ],
    ['listeners: { s: { address: ":1", protocol: https } }', 'nothing to listen on'],
    ['consul: { tls: { certFile: fairlead.yaml } }', 'consul.tls.certFile needs consul.tls.keyFile as well'],
    ['consul: { tls: { keyFile: fairlead.yaml } }', 'consul.tls.keyFile needs consul.tls.certFile as well'],
    [
      'consul: { tls: { caFile: nope.pem } }',
      `consul.tls.caFile: cannot read ${cwd}/nope.pem: there is no such file`,
    ],
  ])('%s', (yaml, expected) => {
    expect(problemsOf({ yaml })).toEqual([expect.stringContaining(expected)]);
  });

  test('a router of TCP ports alone needs no http listener', () => {
    expect(problemsOf({ yaml: 'listeners: {}\ntcp: { ports: 15000-15010 }' })).toEqual([]);
    const routes = 'routes: [{ rule: "tcp:5432", to: ["127.0.0.1:1"] }]';
    expect(problemsOf({ yaml: `listeners: {}\n${routes}` })).toEqual([]);
  });
});
