/** The certificate that all contestants serve: ECDSA with P-256, signed by an intermediate, made for this run. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestCa } from '../test/support/certificates.ts';
import type { CertificateFiles } from './contestants/contestant.ts';
import { scratch } from './machine/scratch.ts';
import { HOST } from './works.ts';

export async function makeCertificate(): Promise<CertificateFiles> {
  const ca = await createTestCa({ intermediate: true });
  const { certPem, keyPem } = await ca.issue([HOST]);
  const folder = scratch('certificate');
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  return {
    chain: write('chain.pem', certPem),
    key: write('key.pem', keyPem),
    both: write('both.pem', certPem + keyPem),
  };
}
