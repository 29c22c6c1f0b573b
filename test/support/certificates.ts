/** Certificates for tests: an authority in memory that signs whatever is asked for, good or bad. */
import { generateKeyPairSync, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { type Certificate, readCertificate } from '../../tls/certificate.ts';

export interface IssueOptions {
  /** Default: from an hour ago for 90 days. */
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly key?: 'ec' | 'rsa' | 'rsa-1024' | 'ed25519' | 'secp256k1';
  /** `SHA-1` for a weak signature. */
  readonly hash?: string;
  /** Subject's CN; default: the first name. */
  readonly commonName?: string;
  /** Only a CN, no subject alternative names. */
  readonly withoutSan?: boolean;
  readonly extensions?: readonly x509.Extension[];
}

export interface Issued {
  /** The leaf alone. */
  readonly leafPem: string;
  /** The leaf, and the intermediate where there is one. */
  readonly certPem: string;
  readonly keyPem: string;
}

export interface TestCa {
  readonly rootPem: string;
  /** Null for an authority that signs with its root. */
  readonly intermediatePem: string | null;
  issue(names: readonly string[], options?: IssueOptions): Promise<Issued>;
  /** As listeners take it. */
  certificate(...names: string[]): Promise<Certificate>;
  /** For tls-alpn-01 (RFC 8737): with the digest of the key authorization, which clients must see. */
  challenge(name: string): Promise<Certificate>;
}

export const DAY_MS = 24 * 60 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;
const ACME_IDENTIFIER = new x509.Extension('1.3.6.1.5.5.7.1.31', true, new Uint8Array([4, 1, 7]));
const SIGNING = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface Signer {
  readonly certificate: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

export async function createTestCa(
  options: { readonly name?: string; readonly intermediate?: boolean } = {},
): Promise<TestCa> {
  const { name = 'Test Root', intermediate = false } = options;
  const root = await authority(name, null);
  const middle = intermediate ? await authority(`${name} Intermediate`, root) : null;
  const signer = middle ?? root;
  const intermediatePem = middle === null ? null : pemOf(middle.certificate);
  const ca: TestCa = {
    rootPem: pemOf(root.certificate),
    intermediatePem,
    async issue(names, issueOptions = {}) {
      const { leafPem, keyPem } = await sign(signer, names, issueOptions);
      return { leafPem, certPem: leafPem + (intermediatePem ?? ''), keyPem };
    },
    certificate: (...names) => certificateFor(ca, names),
    challenge: (name) => certificateFor(ca, [name], { extensions: [ACME_IDENTIFIER] }),
  };
  return ca;
}

/** A certificate as the store takes it. */
export async function certificateFor(
  ca: TestCa,
  names: readonly string[],
  options: IssueOptions = {},
  source = 'test',
): Promise<Certificate> {
  const { certPem, keyPem } = await ca.issue(names, options);
  const read = readCertificate(certPem, keyPem, source);
  if (!read.ok) throw new Error(read.reason);
  return read.certificate;
}

let shared: Promise<Certificate> | undefined;

/** One certificate for all tests that do not care which. */
export function everybody(): Promise<Certificate> {
  shared ??= createTestCa().then((ca) => ca.certificate('localhost', '*.test'));
  return shared;
}

async function authority(name: string, parent: Signer | null): Promise<Signer> {
  const keys = (await webcrypto.subtle.generateKey(SIGNING, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [name] }],
    issuer: parent === null ? [{ CN: [name] }] : parent.certificate.subject,
    notBefore: new Date(Date.now() - 30 * DAY_MS),
    notAfter: new Date(Date.now() + 3650 * DAY_MS),
    publicKey: keys.publicKey,
    signingKey: parent?.key ?? keys.privateKey,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(parent === null
        ? []
        : [await x509.AuthorityKeyIdentifierExtension.create(parent.certificate.publicKey)]),
    ],
  });
  return { certificate, key: keys.privateKey };
}

async function sign(signer: Signer, names: readonly string[], options: IssueOptions) {
  const { privateKey, publicKey } = keyPair(options.key ?? 'ec');
  const {
    notBefore = new Date(Date.now() - HOUR_MS),
    notAfter = new Date(Date.now() + 90 * DAY_MS),
    commonName = (names[0] ?? 'nobody').slice(0, 64),
  } = options;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [commonName] }],
    issuer: signer.certificate.subject,
    notBefore,
    notAfter,
    publicKey: new x509.PublicKey(publicKey.export({ type: 'spki', format: 'der' })),
    signingKey: signer.key,
    signingAlgorithm: { ...SIGNING, hash: options.hash ?? SIGNING.hash },
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      ...(options.withoutSan === true ? [] : [alternativeNames(names)]),
      await x509.AuthorityKeyIdentifierExtension.create(signer.certificate.publicKey),
      ...(options.extensions ?? []),
    ],
  });
  return {
    leafPem: pemOf(certificate),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

function alternativeNames(names: readonly string[]): x509.SubjectAlternativeNameExtension {
  return new x509.SubjectAlternativeNameExtension(
    names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
  );
}

function keyPair(kind: NonNullable<IssueOptions['key']>): { privateKey: KeyObject; publicKey: KeyObject } {
  switch (kind) {
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'secp256k1':
      return generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    case 'rsa-1024':
      return generateKeyPairSync('rsa', { modulusLength: 1024 });
  }
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

function serialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`;
}
