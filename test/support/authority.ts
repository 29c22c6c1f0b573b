/** A certificate authority for tests, in memory: server and client certificates for any name. */
import { KeyObject, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { type Certificate, readCertificate } from '../../tls/certificate.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface Authority {
  readonly caPem: string;
  /** For servers; clients may use it as well. */
  issue(...names: string[]): Promise<Certificate>;
  /** For tls-alpn-01 (RFC 8737): with the digest of the key authorization, which clients must see. */
  challenge(name: string): Promise<Certificate>;
}

export async function createAuthority(name = 'Test CA'): Promise<Authority> {
  const keys = await generateKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ serialNumber: '01', name: `CN=${name}`, ...validity(), keys, signingAlgorithm: ALGORITHM },
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const caPem = `${root.toString('pem')}\n`;
  const issue = async (names: readonly string[], more: x509.Extension[]): Promise<Certificate> => {
    const own = await generateKeys();
    const leaf = await x509.X509CertificateGenerator.create({
      ...{ serialNumber: serial(), subject: `CN=${names[0]}`, issuer: root.subject, ...validity() },
      ...{ publicKey: own.publicKey, signingKey: keys.privateKey, signingAlgorithm: ALGORITHM },
      extensions: [
        new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
        ...more,
      ],
    });
    const keyPem = KeyObject.from(own.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string;
    const read = readCertificate(leaf.toString('pem'), keyPem, `test ${names[0]}`);
    if (!read.ok) throw new Error(read.reason);
    return read.certificate;
  };
  return {
    caPem,
    issue: (...names) => issue(names, []),
    challenge: (name) =>
      issue([name], [new x509.Extension('1.3.6.1.5.5.7.1.31', true, new Uint8Array([4, 1, 7]))]),
  };
}

let shared: Promise<Certificate> | undefined;

/** One certificate for all tests that do not care which. */
export function everybody(): Promise<Certificate> {
  shared ??= createAuthority().then((authority) => authority.issue('localhost', '*.test'));
  return shared;
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}

let serials = 1;

function serial(): string {
  serials++;
  return serials.toString(16).padStart(8, '0');
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 30 * DAY_MS) };
}
