import { expect, test } from 'vitest';
import { sortOut } from '../../../../src/control/certificates/folder-layout.ts';

/** `certificate+key`, or the file alone where it should hold both. */
function found(...names: readonly string[]): readonly string[] {
  return [...sortOut(names).found.values()].map((files) => {
    if (files.kind === 'pkcs12') return `${files.file}(${files.passwordFile})`;
    return files.certFile === files.keyFile ? files.certFile : `${files.certFile}+${files.keyFile}`;
  });
}

test.each([
  [['a.crt', 'a.key'], ['a.crt+a.key']],
  [['a.pem', 'a.key'], ['a.pem+a.key']],
  [['a.cer', 'a.key'], ['a.cer+a.key']],
  [['a.pem'], ['a.pem']],
  [['localhost.pem', 'localhost-key.pem'], ['localhost.pem+localhost-key.pem']],
  [
    ['a-cert.pem', 'a-key.pem', 'b-cert.pem'],
    ['a-cert.pem+a-key.pem', 'b-cert.pem'],
  ],
  [['tls.crt', 'tls.key', 'ca.crt'], ['tls.crt+tls.key']],
  [['cert.pem', 'chain.pem', 'fullchain.pem', 'privkey.pem'], ['fullchain.pem+privkey.pem']],
  [
    ['a.p12', 'a.pass', 'b.pfx'],
    ['a.p12(a.pass)', 'b.pfx(null)'],
  ],
  [['README', 'a.txt', 'a.crt.bak'], []],
  [['_.a.test.crt', '_.a.test.key'], ['_.a.test.crt+_.a.test.key']],
])('%j holds %j', (names, expected) => {
  expect(found(...names)).toEqual(expected);
});

test('a key without a certificate is odd', () => {
  expect(sortOut(['a.key', 'b.crt', 'b.key']).odd).toEqual([
    { name: 'a.key', reason: 'no certificate beside this key' },
  ]);
});
