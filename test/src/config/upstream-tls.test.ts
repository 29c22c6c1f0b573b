/** The group `upstreamTls` of the configuration. */
import { describe, expect, test } from 'vitest';
import { createTestCa } from '../../support/certificates.ts';
import { configOf, cwd, problemsOf } from './loading.ts';

const authority = await createTestCa();
const [own, other] = await Promise.all([authority.issue(['router.test']), authority.issue(['other.test'])]);
const { rootPem: caPem } = authority;
const encrypted = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n';
const pair = { 'own.pem': own.certPem, 'own.key': own.keyPem };

/** Files are relative to the configuration's. */
function given(group: string, files: Readonly<Record<string, string>> = {}) {
  const absolute = Object.entries(files).map(([name, text]) => [`${cwd}/${name}`, text] as const);
  return { yaml: `upstreamTls: { ${group} }`, files: Object.fromEntries(absolute) };
}

test('authorities, our certificate and a name for all arrive', () => {
  const files = { ...pair, 'ca.pem': `# ours\n${caPem}` };
  const group = 'caFile: ca.pem, certFile: own.pem, keyFile: own.key, serverName: all.test';
  expect(configOf(given(group, files)).upstreamTls).toEqual({
    ...{ caPem, serverName: 'all.test' },
    client: { certPem: own.certPem, keyPem: own.keyPem },
  });
});

describe('stops the start:', () => {
  test.each([
    ['authorities that are missing', 'caFile: ca.pem', {}, /caFile.*there is no such file/],
    ['authorities that are empty', 'caFile: ca.pem', { 'ca.pem': '' }, /ca\.pem holds no certificate/],
    ['authorities that are garbage', 'caFile: ca.pem', { 'ca.pem': 'x' }, /ca\.pem holds no certificate/],
    [
      'an authority that is damaged',
      'caFile: ca.pem',
      { 'ca.pem': `${caPem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n` },
      /cannot be read, the 2\. of 2/,
    ],
    [
      'a certificate without its key',
      'certFile: own.pem',
      pair,
      /certFile needs upstreamTls\.keyFile as well/,
    ],
    [
      'a key without its certificate',
      'keyFile: own.key',
      pair,
      /keyFile needs upstreamTls\.certFile as well/,
    ],
    [
      'a key of another certificate',
      'certFile: own.pem, keyFile: own.key',
      { ...pair, 'own.key': other.keyPem },
      /own\.key is not the key of the certificate in .*own\.pem/,
    ],
    [
      'a key that is encrypted',
      'certFile: own.pem, keyFile: own.key',
      { ...pair, 'own.key': encrypted },
      /own\.key holds an encrypted key/,
    ],
    [
      'a key that is none',
      'certFile: own.pem, keyFile: own.key',
      { ...pair, 'own.key': 'garbage' },
      /own\.key holds no private key/,
    ],
    [
      'a key that is missing',
      'certFile: own.pem, keyFile: own.key',
      { 'own.pem': own.certPem },
      /keyFile.*there is no such file/,
    ],
    [
      'a certificate that is garbage',
      'certFile: own.pem, keyFile: own.key',
      { ...pair, 'own.pem': 'garbage' },
      /own\.pem holds no certificate/,
    ],
  ])('%s', (_, group, files, reason) => {
    const problems = problemsOf(given(group, files));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^fairlead\.yaml:1:\d+: /);
    expect(problems[0]).toMatch(reason);
    expect(problems[0]).not.toContain('PRIVATE KEY-----');
  });
});
