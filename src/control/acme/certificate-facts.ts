import { createHash, createPrivateKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import type { KeyType } from '../../config/acme.ts';
import { acmeProblem } from './problem.ts';

const generate = promisify(generateKeyPair);

export interface CertificateFacts {
  readonly notBefore: number;
  readonly notAfter: number;
  /** null when it names no key of its authority. */
  readonly certId: string | null;
}

/** A new private key, as PKCS #8. */
export async function createKey(type: KeyType): Promise<string> {
  const { privateKey } = type.startsWith('ec')
    ? await generate('ec', { namedCurve: type === 'ec256' ? 'P-256' : 'P-384' })
    : await generate('rsa', { modulusLength: type === 'rsa2048' ? 2048 : 4096 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Reads the chain an authority sent, and rejects when it is not what was ordered. */
export async function checkCertificate(
  certPem: string,
  keyPem: string,
  names: readonly string[],
  now: number,
): Promise<CertificateFacts> {
  const leaf = parse(certPem);
  if (!leaf.checkPrivateKey(createPrivateKey(keyPem))) {
    throw acmeProblem('bad_answer', 'the certificate belongs to another key');
  }
  const covered = (leaf.subjectAltName ?? '')
    .split(', ')
    .map((name) => name.replace(/^DNS:/, '').toLowerCase());
  const missing = names.filter((name) => !covered.includes(name));
  if (missing.length > 0)
    throw acmeProblem('bad_answer', `the certificate does not name ${missing.join(', ')}`);
  const [notBefore, notAfter] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  if (!(notAfter > now)) {
    throw acmeProblem(
      'bad_answer',
      `the certificate ended at ${leaf.validTo}: is this machine's clock right?`,
    );
  }
  return { notBefore, notAfter, certId: await certIdOf(leaf) };
}

function parse(certPem: string): X509Certificate {
  try {
    return new X509Certificate(certPem);
  } catch (error) {
    throw acmeProblem('bad_answer', `not a certificate: ${(error as Error).message}`, error);
  }
}

/** RFC 9773 §4.1: the authority's key identifier and the serial number's DER octets, both base64url. */
async function certIdOf(leaf: X509Certificate): Promise<string | null> {
  const x509 = await import('@peculiar/x509');
  const parsed = new x509.X509Certificate(leaf.raw);
  const keyId = parsed.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId;
  if (keyId === undefined) return null;
  const hex = leaf.serialNumber.length % 2 === 0 ? leaf.serialNumber : `0${leaf.serialNumber}`;
  // A DER integer whose first bit is set would be negative.
  const octets = Buffer.from(Number.parseInt(hex.slice(0, 2), 16) >= 0x80 ? `00${hex}` : hex, 'hex');
  return `${Buffer.from(keyId, 'hex').toString('base64url')}.${octets.toString('base64url')}`;
}

/** A number in [0, 1) that all replicas draw alike for one certificate. */
export function chanceOf(certPem: string): number {
  return createHash('sha256').update(certPem).digest().readUInt32BE() / 2 ** 32;
}
