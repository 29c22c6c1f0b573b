import { describe, expect, test } from 'vitest';
import { configOf, cwd, loadOk, problemsOf } from './loading.ts';

const acme = (yaml: string, files: Readonly<Record<string, string>> = {}) =>
  configOf({ yaml: `tls:\n  acme:\n${yaml.replace(/^/gm, '    ')}`, files }).acme;
const problems = (yaml: string, files: Readonly<Record<string, string>> = {}) =>
  problemsOf({ yaml: `tls:\n  acme:\n${yaml.replace(/^/gm, '    ')}`, files });

describe('tls.acme', () => {
  test('is off unless the group is there', () => {
    expect(configOf({}).acme).toBeNull();
    expect(configOf({ yaml: 'tls: { acme: }' }).acme).toBeNull();
  });

  test('needs no more than an address', () => {
    expect(acme('email: ops@example.com')).toEqual({
      ...{ email: 'ops@example.com', directory: 'https://acme-v02.api.letsencrypt.org/directory' },
      ...{ agreeTerms: true, caFile: null, eab: null, names: [], challenges: ['http-01', 'tls-alpn-01'] },
      store: { kind: 'file', prefix: 'fairlead', secret: null, redisUrl: null },
      ...{ dns: null, onDemand: null, keyType: 'ec256', profile: null, preferredChain: null },
      ...{ privateNames: false, ordersPerHour: 60, ordersAtOnce: 4, settleMs: 1000 },
    });
  });

  test('every key arrives, and secrets come from files', () => {
    const yaml = `directory: https://ca.internal:14000/dir
caFile: ca.pem
names: [a.example.com, "*.example.com"]
eab: { kid: kid-1, hmacKeyFile: /run/secrets/hmac }
store: redis
storePrefix: edge/acme
redis: { urlFile: redis.url }
storeKeyFile: key
challenges: [dns-01]
dns: { command: [/usr/local/bin/hook, --zone, example.com], timeout: 1m, propagation: 5s }
onDemand: { allow: ["*.Shops.example.com"], ask: "http://127.0.0.1:9000/ask", namesPerHour: 5 }
keyType: rsa2048
profile: shortlived
preferredChain: ISRG Root X1
privateNames: true
ordersPerHour: 5
ordersAtOnce: 1
settle: 3s
`;
    const files = {
      [`${cwd}/ca.pem`]: 'pem',
      [`${cwd}/redis.url`]: 'redis://:pass@redis.internal:6379\n',
      [`${cwd}/key`]: 'sixteen letters!\n',
      '/run/secrets/hmac': 'aG1hYw==\n',
    };
    expect(acme(yaml, files)).toEqual({
      ...{ email: null, directory: 'https://ca.internal:14000/dir', agreeTerms: true },
      ...{ caFile: `${cwd}/ca.pem`, eab: { kid: 'kid-1', hmacKey: 'aG1hYw==' } },
      ...{ names: ['a.example.com', '*.example.com'], challenges: ['dns-01'] },
      store: {
        kind: 'redis',
        prefix: 'edge/acme',
        secret: 'sixteen letters!',
        redisUrl: 'redis://:pass@redis.internal:6379',
      },
      dns: {
        command: ['/usr/local/bin/hook', '--zone', 'example.com'],
        ...{ timeoutMs: 60_000, propagationMs: 5000 },
      },
      onDemand: { allow: ['*.shops.example.com'], ask: 'http://127.0.0.1:9000/ask', namesPerHour: 5 },
      ...{ keyType: 'rsa2048', profile: 'shortlived', preferredChain: 'ISRG Root X1' },
      ...{ privateNames: true, ordersPerHour: 5, ordersAtOnce: 1, settleMs: 3000 },
    });
  });

  test('can be turned on by the environment alone', () => {
    const env = {
      FAIRLEAD_TLS_ACME_DIRECTORY: 'letsencrypt-staging',
      FAIRLEAD_TLS_ACME_NAMES: 'a.example.com,b.example.com',
    };
    expect(configOf({ env }).acme).toMatchObject({
      directory: 'https://acme-staging-v02.api.letsencrypt.org/directory',
      names: ['a.example.com', 'b.example.com'],
    });
  });

  test('a hook adds dns-01 to the challenges', () => {
    expect(acme('dns: { command: [hook] }')?.challenges).toEqual(['http-01', 'tls-alpn-01', 'dns-01']);
  });

  test.each([
    ['directory: letsencript', 'fairlead.yaml:3:16: tls.acme.directory: "letsencript" is neither'],
    ['directory: http://ca.example.com/dir', 'neither'],
    ['email: nobody', 'is not an e-mail address'],
    ['challenges: [http-1]', 'is not one of http-01, tls-alpn-01, dns-01'],
    ['challenges: []', 'must name at least one challenge'],
    ['store: redis', '3:12: tls.acme.redis needs "url", "urlFile" or REDIS_URL'],
    ['store: redis\nredis: { url: "http://x" }', 'tls.acme.redis: not a URL of Redis'],
    ['challenges: [dns-01]', 'dns-01 needs tls.acme.dns'],
    ['directory: zerossl', 'zerossl needs tls.acme.eab'],
    ['eab: { kid: a }', 'needs hmacKey or hmacKeyFile'],
    ['eab: { kid: a, hmacKey: "!!!" }', 'not base64'],
    ['onDemand: {}', 'needs allow or ask'],
    ['onDemand: { ask: ftp://x }', 'is not an http(s):// URL'],
    ['storeKeyFile: /short', 'less than 16 characters'],
    ['storeKeyFile: /missing', 'cannot read /missing'],
    ['caFile: /missing', 'cannot read /missing'],
    ['storePrefix: "a b"', 'may have letters'],
    ['keyType: dsa', 'is not one of'],
    ['emial: x@example.com', 'email'],
  ])('%s is a problem', (yaml, message) => {
    const found = problems(yaml, { '/short': 'short' });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
  });

  test('secrets are not repeated in messages', () => {
    const found = problems('eab: { kid: a, hmacKey: "s3cret key" }');
    expect(found).toHaveLength(1);
    expect(found[0]).not.toContain('s3cret');
  });

  test('terms that are not agreed to are worth a warning', () => {
    const { warnings } = loadOk({ yaml: 'tls: { acme: { agreeTerms: false } }' });
    expect(warnings).toContain(
      'fairlead.yaml:1:28: tls.acme.agreeTerms: authorities make no account without it',
    );
  });
});
