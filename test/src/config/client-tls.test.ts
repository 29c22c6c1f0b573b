/** The group `tls` of the configuration. */
import { expect, test } from 'vitest';
import { createTestCa } from '../../support/certificates.ts';
import { configOf, cwd, problemsOf } from './loading.ts';

const { rootPem: caPem } = await createTestCa();

test('hosts that ask for client certificates, with authorities relative to the file', () => {
  const yaml = `tls:
  clientAuth:
    - { hosts: [A.test., "*.B.test"], caFile: ca.pem }
    - { hosts: [c.test], caFile: /etc/other.pem, mode: optional }
`;
  const files = { [`${cwd}/ca.pem`]: caPem, '/etc/other.pem': `# mine\n${caPem}${caPem}` };
  expect(configOf({ yaml, files }).tls.clientAuth).toEqual([
    { hosts: ['a.test', '*.b.test'], caPem, mode: 'required' },
    { hosts: ['c.test'], caPem: caPem + caPem, mode: 'optional' },
  ]);
});

test.each([
  ['missing', undefined, 'there is no such file'],
  ['empty', '', 'holds no certificate'],
  ['garbage', 'garbage', 'holds no certificate'],
  ['damaged', caPem.replace(/[A-Z]/g, 'x').replace(/-----\w+ \w+-----/g, ''), 'holds no certificate'],
  [
    'half',
    `${caPem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
    'cannot be read, the 2. of 2',
  ],
])(
  'authorities that are %s stop the start: nobody is let in without being asked (C08)',
  (_, text, reason) => {
    const yaml = 'tls: { clientAuth: [{ hosts: [a.test], caFile: ca.pem }] }';
    const problems = problemsOf({ yaml, files: text === undefined ? {} : { [`${cwd}/ca.pem`]: text } });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(reason);
  },
);

test.each([
  ['clientAuth: [{ hosts: [], caFile: x }]', 'must name at least one host'],
  ['clientAuth: [{ hosts: ["a b"], caFile: x }]', 'is not a host name'],
  ['clientAuth: [{ hosts: [a.test], caFile: x, mode: maybe }]', 'is not one of required, optional'],
  ['redirectPort: 0', 'out of range'],
  ['hsts: { maxAge: forever }', 'maxAge'],
])('%s is a problem', (yaml, reason) => {
  expect(problemsOf({ yaml: `tls: { ${yaml} }` }).join('\n')).toContain(reason);
});

test('HSTS becomes the value of its field', () => {
  const hstsOf = (yaml: string) => configOf({ yaml: `tls: { hsts: { ${yaml} } }` }).tls.hsts;
  expect(hstsOf('')).toBe('');
  expect(hstsOf('maxAge: 3600')).toBe('max-age=3600');
  expect(hstsOf('maxAge: 31536000, includeSubDomains: true, preload: true')).toBe(
    'max-age=31536000; includeSubDomains; preload',
  );
  expect(hstsOf('preload: true')).toBe('');
});
