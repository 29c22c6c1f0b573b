import { describe, expect, test } from 'vitest';
import { variableFor } from '../../../src/config/environment.ts';
import { configOf, loadOk, problemsOf } from './loading.ts';

test.each([
  ['consul.address', 'FAIRLEAD_CONSUL_ADDRESS'],
  ['consul.tls.caFile', 'FAIRLEAD_CONSUL_TLS_CA_FILE'],
  ['timeouts.streamIdle', 'FAIRLEAD_TIMEOUTS_STREAM_IDLE'],
  ['log.level', 'FAIRLEAD_LOG_LEVEL'],
  ['accessLog', 'FAIRLEAD_ACCESS_LOG'],
])('%s is set by %s', (key, variable) => {
  expect(variableFor(key)).toBe(variable);
});

test('our variables take texts of every kind; an empty one is unset', () => {
  const config = configOf({
    env: {
      FAIRLEAD_CONSUL_HEALTH: 'passing, warning',
      FAIRLEAD_CONSUL_CONNECTIONS: '20',
      FAIRLEAD_CONSUL_NAMESPACE: '',
      FAIRLEAD_TRUSTED_PROXIES: '10.0.0.0/8,::1',
      FAIRLEAD_DIALECTS_FABIO_ENABLED: 'f',
      FAIRLEAD_LIMITS_BODY: '1MiB',
      FAIRLEAD_TCP_PORTS: '1000-2000',
      FAIRLEAD_WORKERS: 'auto',
      FAIRLEAD_LOG_LEVEL: 'DEBUG',
      FAIRLEAD_DATA: 'x',
    },
  });
  expect(config).toMatchObject({
    consul: { health: ['passing', 'warning'], connections: 20, namespace: null },
    trustedProxies: ['10.0.0.0/8', '::1/128'],
    dialects: { fabio: { enabled: false } },
    limits: { bodyBytes: 1_048_576 },
    tcp: { ports: { from: 1000, to: 2000 } },
    logLevel: 'debug',
    dataDir: '/work-folder/x',
  });
});

test('an unknown variable of ours is a warning; links of Kubernetes are not ours', () => {
  const env = {
    FAIRLEAD_CONSUL_ADRESS: 'x',
    FAIRLEAD_SERVICE_HOST: '10.0.0.1',
    FAIRLEAD_SERVICE_PORT_HTTP: '80',
    FAIRLEAD_PORT: 'tcp://10.0.0.1:80',
    FAIRLEAD_PORT_80_TCP_ADDR: '10.0.0.1',
  };
  expect(loadOk({ env }).warnings).toEqual([
    'environment FAIRLEAD_CONSUL_ADRESS: not a variable of fairlead, ignored; did you mean "FAIRLEAD_CONSUL_ADDRESS"?',
  ]);
});

describe('CONSUL_HTTP_ADDR and CONSUL_HTTP_SSL', () => {
  test.each([
    [{ CONSUL_HTTP_ADDR: 'consul:8500' }, 'http://consul:8500'],
    [{ CONSUL_HTTP_ADDR: 'https://consul:8501' }, 'https://consul:8501'],
    [{ CONSUL_HTTP_ADDR: 'https://edge/consul/' }, 'https://edge/consul'],
    [{ CONSUL_HTTP_SSL: 'true' }, 'https://127.0.0.1:8500'],
    [{ CONSUL_HTTP_SSL: '1', CONSUL_HTTP_ADDR: 'consul:8501' }, 'https://consul:8501'],
    [{ CONSUL_HTTP_SSL: 'T', CONSUL_HTTP_ADDR: 'http://consul:8501' }, 'https://consul:8501'],
    [{ CONSUL_HTTP_SSL: 'false', CONSUL_HTTP_ADDR: 'https://consul:8501' }, 'https://consul:8501'],
    [{ CONSUL_HTTP_SSL: 'yes' }, 'http://127.0.0.1:8500'],
    [{ CONSUL_HTTP_ADDR: '' }, 'http://127.0.0.1:8500'],
  ])('%j', (env, url) => {
    expect(configOf({ env }).consul.url).toBe(url);
  });

  test('a boolean that is none is ignored with a warning, an upgrade to https is told', () => {
    expect(loadOk({ env: { CONSUL_HTTP_SSL: 'yes' } }).warnings).toEqual([
      'environment CONSUL_HTTP_SSL: "yes" is neither true nor false, ignored',
    ]);
    expect(loadOk({ env: { CONSUL_HTTP_SSL: '1' }, flags: { consul: 'http://c:1' } }).warnings).toEqual([
      'flag --consul: consul.address: CONSUL_HTTP_SSL asks for https, so https is used',
    ]);
  });

  test('a unix socket is a problem, unless something above replaces it', () => {
    const env = { CONSUL_HTTP_ADDR: 'unix:///run/consul.sock' };
    expect(problemsOf({ env })).toEqual([
      'environment CONSUL_HTTP_ADDR: unix sockets are not supported: give the HTTP address of the agent',
    ]);
    expect(configOf({ env, flags: { consul: 'consul:8500' } }).consul.url).toBe('http://consul:8500');
  });
});

test('certificate verification', () => {
  const off = loadOk({ env: { CONSUL_HTTP_SSL_VERIFY: 'false' } });
  expect(off.config.consul.tls.verify).toBe(false);
  expect(off.warnings).toEqual([expect.stringContaining('is NOT verified')]);
  const odd = loadOk({ env: { CONSUL_HTTP_SSL_VERIFY: 'nope' } });
  expect(odd.config.consul.tls.verify).toBe(true);
  expect(odd.warnings).toEqual([expect.stringContaining('environment CONSUL_HTTP_SSL_VERIFY')]);
});

test('TLS files, server name and namespace', () => {
  const env = {
    CONSUL_CACERT: '/ca.pem',
    CONSUL_CLIENT_CERT: 'cert.pem',
    CONSUL_CLIENT_KEY: 'key.pem',
    CONSUL_TLS_SERVER_NAME: 'server.dc1.consul:8501',
    CONSUL_NAMESPACE: 'team',
  };
  const files = { '/ca.pem': '', '/work-folder/cert.pem': '', '/work-folder/key.pem': '' };
  expect(configOf({ env, files }).consul).toMatchObject({
    namespace: 'team',
    tls: {
      caFile: '/ca.pem',
      certFile: '/work-folder/cert.pem',
      keyFile: '/work-folder/key.pem',
      serverName: 'server.dc1.consul',
    },
  });
  expect(problemsOf({ env: { CONSUL_CLIENT_CERT: '/ca.pem' }, files })).toEqual([
    'environment CONSUL_CLIENT_CERT: consul.tls.certFile needs consul.tls.keyFile as well',
  ]);
});

test('what cannot be honoured is said', () => {
  expect(problemsOf({ env: { CONSUL_HTTP_AUTH: 'me:secret', CONSUL_PARTITION: 'p' } })).toEqual([
    'environment CONSUL_HTTP_AUTH: basic authentication is not supported: unset it and use a token',
    'environment CONSUL_PARTITION: admin partitions are not supported: unset it to read the default partition',
  ]);
  expect(problemsOf({ env: { CONSUL_PARTITION: 'default' } })).toEqual([]);
  expect(loadOk({ env: { CONSUL_CAPATH: '/etc/ssl' } }).warnings).toEqual([
    expect.stringContaining('environment CONSUL_CAPATH: not supported, ignored'),
  ]);
});

test('LOG_LEVEL is shared: an unknown level is only a warning', () => {
  expect(configOf({ env: { LOG_LEVEL: 'ERROR' } }).logLevel).toBe('error');
  const odd = loadOk({ env: { LOG_LEVEL: 'verbose' } });
  expect([odd.config.logLevel, odd.warnings.length]).toEqual(['info', 1]);
  expect(problemsOf({ env: { FAIRLEAD_LOG_LEVEL: 'verbose' } })).toHaveLength(1);
});
