import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { configOf, cwd, loadOk } from './loading.ts';

test('without any source the documented defaults hold', () => {
  const { config, warnings, file } = loadOk({});
  expect(file).toBeNull();
  expect(warnings).toEqual([]);
  expect(config).toEqual({
    consul: {
      url: 'http://127.0.0.1:8500',
      token: null,
      tokenFile: null,
      datacenter: null,
      namespace: null,
      tls: { caFile: null, certFile: null, keyFile: null, serverName: null, verify: true },
      health: ['passing'],
      connections: 180,
      waitMs: 55_000,
      holdMs: 60_000,
      forgetMs: 600_000,
    },
    listeners: [
      {
        name: 'web',
        address: { host: '', port: 8080 },
        protocol: 'http',
        proxyProtocol: false,
        http2: false,
      },
    ],
    admin: { address: { host: '127.0.0.1', port: 9998 }, token: null },
    trustedProxies: [],
    tcp: { ports: null, host: '', proxyProtocol: false },
    udp: { ports: null, host: '' },
    dialects: { fairlead: true, fabio: { enabled: true, tagPrefix: 'urlprefix-', kvPath: '/fabio/config' } },
    routes: [],
    tls: {
      ...{ certificates: [], defaultName: null, strict: false },
      ...{ clientAuth: [], hsts: '', redirectPort: null },
    },
    limits: {
      headBytes: 16_384,
      fields: 100,
      uriBytes: 8192,
      bodyBytes: 0,
      bodyRate: 240,
      connections: 0,
      connectionsPerClient: 0,
      requestsPerConnection: 0,
      queue: 1024,
      streams: 100,
      udpSessions: 0,
    },
    timeouts: {
      handshakeMs: 10_000,
      headMs: 10_000,
      idleMs: 75_000,
      queueMs: 5000,
      connectMs: 3000,
      responseMs: 60_000,
      streamIdleMs: 60_000,
      tunnelIdleMs: 3_600_000,
      tcpIdleMs: 3_600_000,
      udpIdleMs: 30_000,
      upstreamIdleMs: 15_000,
      drainMs: 30_000,
    },
    balance: { slowStartMs: 10_000 },
    workers: availableParallelism(),
    acme: null,
    dataDir: `${cwd}/.fairlead`,
    logLevel: 'info',
    accessLog: 'json',
  });
});

test('the result is frozen all the way down', () => {
  const config = configOf({ yaml: 'routes: [{ rule: a.example.com, to: ["10.0.0.1:80"] }]' });
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));
  expect(frozen(config)).toBe(true);
});

test('every key of the file arrives', () => {
  const yaml = `
consul:
  address: https://consul.example.com:8501/prefix
  token: 0000-1111
  datacenter: dc1
  namespace: team
  tls: { caFile: ca.pem, certFile: /abs/cert.pem, keyFile: key.pem, serverName: consul.dc1, verify: true }
  health: [passing, warning]
  connections: 50
  wait: 30s
  hold: 2m
  forget: 0s
listeners:
  web: { address: ":80" }
  internal: { address: "[::1]:8081", protocol: http, proxyProtocol: true }
tcp: { ports: "15000-15999", address: "[::1]", proxyProtocol: true }
udp: { ports: "5000-5999", address: "[::1]" }
admin: { address: "127.0.0.1:9000", token: letmein }
trustedProxies: [10.0.0.0/8, "fd00::/8", 192.168.1.1]
dialects: { fairlead: false, fabio: { enabled: false, tagPrefix: "edge-", kvPath: null } }
routes:
  - { rule: "a.example.com/x strip", to: ["10.0.0.1:80", "[::1]:81 weight=3"] }
  - { rule: "/metrics", service: prometheus }
  - { rule: "old.example.com redirect=301,https://new.example.com" }
limits:
  { head: 32KiB, fields: 50, uri: 4KiB, body: 1GiB, bodyRate: 1KiB, connections: 9000, connectionsPerClient: 20, requestsPerConnection: 1000, queue: 50 }
timeouts: { head: 1s, idle: 2s, queue: 300ms, connect: 250ms, response: 4s, streamIdle: 5s, tunnelIdle: 6s, tcpIdle: 8s, udpIdle: 9s, upstreamIdle: 7s, drain: 0s }
balance: { slowStart: 30s }
tls: { certificates: [{ folder: certs }], strict: true }
workers: 3
data: state
log: { level: debug }
accessLog: combined
`;
  const files = Object.fromEntries(
    [`${cwd}/ca.pem`, '/abs/cert.pem', `${cwd}/key.pem`].map((path) => [path, 'x']),
  );
  expect(configOf({ yaml, files })).toEqual({
    consul: {
      url: 'https://consul.example.com:8501/prefix',
      token: '0000-1111',
      tokenFile: null,
      datacenter: 'dc1',
      namespace: 'team',
      tls: {
        caFile: `${cwd}/ca.pem`,
        certFile: '/abs/cert.pem',
        keyFile: `${cwd}/key.pem`,
        serverName: 'consul.dc1',
        verify: true,
      },
      health: ['passing', 'warning'],
      connections: 50,
      waitMs: 30_000,
      holdMs: 120_000,
      forgetMs: 0,
    },
    listeners: [
      { name: 'web', address: { host: '', port: 80 }, protocol: 'http', proxyProtocol: false, http2: false },
      {
        name: 'internal',
        address: { host: '::1', port: 8081 },
        protocol: 'http',
        proxyProtocol: true,
        http2: false,
      },
    ],
    admin: { address: { host: '127.0.0.1', port: 9000 }, token: 'letmein' },
    trustedProxies: ['10.0.0.0/8', 'fd00::/8', '192.168.1.1/32'],
    tcp: { ports: { from: 15_000, to: 15_999 }, host: '::1', proxyProtocol: true },
    udp: { ports: { from: 5000, to: 5999 }, host: '::1' },
    dialects: { fairlead: false, fabio: { enabled: false, tagPrefix: 'edge-', kvPath: null } },
    routes: [
      {
        rule: 'a.example.com/x strip',
        to: ['10.0.0.1:80', '[::1]:81 weight=3'],
        service: null,
        at: 'fairlead.yaml:21:13',
      },
      { rule: '/metrics', to: [], service: 'prometheus', at: 'fairlead.yaml:22:13' },
      { rule: expect.stringContaining('redirect='), to: [], service: null, at: 'fairlead.yaml:23:13' },
    ],
    tls: {
      certificates: [
        { kind: 'folder', at: 'fairlead.yaml:28:23', folder: `${cwd}/certs`, passwordFile: null },
      ],
      defaultName: null,
      strict: true,
      ...{ clientAuth: [], hsts: '', redirectPort: null },
    },
    limits: {
      headBytes: 32_768,
      fields: 50,
      uriBytes: 4096,
      bodyBytes: 1_073_741_824,
      bodyRate: 1024,
      connections: 9000,
      connectionsPerClient: 20,
      requestsPerConnection: 1000,
      queue: 50,
      streams: 100,
      udpSessions: 0,
    },
    timeouts: {
      handshakeMs: 10_000,
      headMs: 1000,
      idleMs: 2000,
      queueMs: 300,
      connectMs: 250,
      responseMs: 4000,
      streamIdleMs: 5000,
      tunnelIdleMs: 6000,
      tcpIdleMs: 8000,
      udpIdleMs: 9000,
      upstreamIdleMs: 7000,
      drainMs: 0,
    },
    balance: { slowStartMs: 30_000 },
    workers: 3,
    acme: null,
    dataDir: `${cwd}/state`,
    logLevel: 'debug',
    accessLog: 'combined',
  });
});

describe('precedence', () => {
  const yaml =
    'consul: { address: "file:1" }\nworkers: 1\nlog: { level: error }\naccessLog: common\ndata: /file';
  const shared = { CONSUL_HTTP_ADDR: 'shared:2', LOG_LEVEL: 'fatal' };
  const own = { FAIRLEAD_CONSUL_ADDRESS: 'own:3', FAIRLEAD_LOG_LEVEL: 'warn', FAIRLEAD_WORKERS: '2' };
  const flags = { consul: 'flag:4', logLevel: 'trace', workers: '4', data: '/flag', accessLog: 'off' };

  test('the file beats the defaults', () => {
    const config = configOf({ yaml });
    expect([config.consul.url, config.workers, config.logLevel]).toEqual(['http://file:1', 1, 'error']);
  });

  test('variables of other programs beat the file', () => {
    const config = configOf({ yaml, env: shared });
    expect([config.consul.url, config.logLevel]).toEqual(['http://shared:2', 'fatal']);
  });

  test('our own variables beat those', () => {
    const config = configOf({ yaml, env: { ...shared, ...own } });
    expect([config.consul.url, config.workers, config.logLevel]).toEqual(['http://own:3', 2, 'warn']);
  });

  test('flags beat everything, and only what they name', () => {
    const config = configOf({ yaml, env: { ...shared, ...own }, flags });
    expect(config).toMatchObject({ workers: 4, logLevel: 'trace', dataDir: '/flag', accessLog: 'off' });
    expect(config.consul.url).toBe('http://flag:4');
    expect(configOf({ yaml, flags: { workers: '4' } })).toMatchObject({ workers: 4, accessLog: 'common' });
  });

  test('sources are merged key by key', () => {
    const config = configOf({
      yaml: 'consul: { datacenter: dc1, wait: 10s }',
      env: { FAIRLEAD_CONSUL_WAIT: '20s', FAIRLEAD_CONSUL_TLS_SERVER_NAME: 'x' },
    });
    expect(config.consul).toMatchObject({
      datacenter: 'dc1',
      waitMs: 20_000,
      tls: { serverName: 'x', verify: true },
    });
  });

  test('an empty group in the file is no group', () => {
    expect(configOf({ yaml: 'consul:\n  # address: x\nlisteners:\nroutes:\ntls:\n' })).toEqual(configOf({}));
  });

  test('nulls in the file mean nothing is set', () => {
    const yaml =
      'consul: { datacenter: null, tokenFile: null }\nadmin: { tokenFile: null }\ntcp: { ports: null }';
    expect(configOf({ yaml })).toEqual(configOf({}));
  });
});

describe('listeners', () => {
  const names = (given: Parameters<typeof configOf>[0]) =>
    configOf(given).listeners.map(({ name, address }) => `${name} ${address.host}:${address.port}`);

  test.each([
    ['the default', {}, ['web :8080']],
    ['--http replaces web', { flags: { http: [':1'] } }, ['web :1']],
    ['repeated, it names more', { flags: { http: [':1', ':2', ':3'] } }, ['web :1', 'web2 :2', 'web3 :3']],
    ['the environment does so too', { env: { FAIRLEAD_HTTP: ':1, :2' } }, ['web :1', 'web2 :2']],
    ['a flag wins over it', { env: { FAIRLEAD_HTTP: ':1,:2' }, flags: { http: [':3'] } }, ['web :3']],
    ['the file replaces the default', { yaml: 'listeners: { x: { address: ":5" } }' }, ['x :5']],
    [
      'other listeners of the file stay',
      { yaml: 'listeners: { web: { address: ":4" }, x: { address: ":5" } }', flags: { http: [':1'] } },
      ['web :1', 'x :5'],
    ],
  ])('%s', (_, given, expected) => {
    expect(names(given)).toEqual(expected);
  });

  test('PROXY headers that nobody may send are worth a warning', () => {
    const yaml = 'listeners: { x: { address: ":5", proxyProtocol: true } }';
    expect(loadOk({ yaml }).warnings).toEqual([
      'fairlead.yaml:1:17: listener "x" has proxyProtocol and needs trustedProxies',
    ]);
    expect(loadOk({ yaml: `${yaml}\ntrustedProxies: [10.0.0.1]` }).warnings).toEqual([]);
  });

  test('https needs certificates, and is ignored with a warning without', () => {
    const yaml = `listeners:
  web: { address: ":80" }
  websecure: { address: ":443", protocol: https }
`;
    const { config, warnings } = loadOk({ yaml });
    expect(config.listeners.map(({ name }) => name)).toEqual(['web']);
    expect(warnings).toEqual([
      'fairlead.yaml:3:14: listener "websecure" is ignored: https needs tls.certificates or tls.acme',
    ]);
    expect(loadOk({ flags: { https: [':8443'] } }).warnings).toEqual([
      'flag --https: listener "websecure" is ignored: https needs tls.certificates or tls.acme',
    ]);
    expect(loadOk({ flags: { https: [':8443'] }, yaml: 'tls: { acme: {} }' }).warnings).toEqual([]);
  });

  test('certificates open :8443, unless listeners are named', () => {
    const yaml = 'tls: { certificates: [{ certFile: a.pem }] }';
    const addresses = (input: Parameters<typeof loadOk>[0]) =>
      loadOk(input).config.listeners.map(
        ({ name, address, protocol }) => `${name} ${address.port} ${protocol}`,
      );
    expect(addresses({ yaml })).toEqual(['web 8080 http', 'websecure 8443 https']);
    expect(addresses({ yaml, flags: { https: [':1', ':2'] } })).toEqual([
      'websecure 1 https',
      'websecure2 2 https',
      'web 8080 http',
    ]);
    expect(addresses({ yaml: `${yaml}\nlisteners: { x: { address: ":7" } }` })).toEqual(['x 7 http']);
  });
});
