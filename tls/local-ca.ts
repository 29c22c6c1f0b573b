import { createPrivateKey, hash, KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { access, chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { readPem } from './pem.ts';

/**
 * An authority of this machine alone, for development: whoever trusts `certFile` can use https with any name. Made
 * with @peculiar/x509 because node-forge knows no elliptic curves and makes RSA keys in JavaScript, seconds each.
 */
export interface LocalCa {
  /** The root in PEM, for browsers and `curl --cacert`. */
  readonly certFile: string;
  /** A leaf for these DNS names and addresses, with the root behind it; the same one until it nears its end. */
  issue(names: readonly string[]): Promise<{ readonly certPem: string; readonly keyPem: string }>;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const ROOT_DAYS = 3650;
/** Browsers refuse leaves that last longer than 825 days, even below a root of one's own. */
const LEAF_DAYS = 90;
const RENEW_BEFORE_DAYS = 30;
/** Clocks of virtual machines and containers run behind. */
const BACKDATE_MS = 60 * 60 * 1000;

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/**
 * Opens the authority in a folder, and creates it when the folder does not exist: both files appear at once, so that
 * two programs that start together agree.
 */
export async function openLocalCa(directory: string): Promise<LocalCa> {
  const certFile = join(directory, 'root.crt');
  const keyFile = join(directory, 'root.key');
  if (!(await exists(certFile))) await createRoot(directory);
  const rootPem = await readFile(certFile, 'utf8');
  const rootKeyPem = await readFile(keyFile, 'utf8');
  if (!new X509Certificate(rootPem).checkPrivateKey(createPrivateKey(rootKeyPem))) {
    throw new Error(`${keyFile} does not belong to ${certFile}: remove ${directory} to begin anew`);
  }
  return {
    certFile,
    async issue(names) {
      const file = join(directory, 'issued', `${digestOf(names)}.pem`);
      const kept = await readIssued(file, rootPem);
      if (kept !== null) return kept;
      const issued = await issue(names, rootPem, rootKeyPem);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await replaceFile(file, issued.certPem + issued.keyPem, 0o600);
      return issued;
    },
  };
}

async function createRoot(directory: string): Promise<void> {
  await mkdir(dirname(directory), { recursive: true });
  const beside = await mkdtemp(`${directory}.new-`);
  try {
    const { certPem, keyPem } = await signRoot();
    await writeFile(join(beside, 'root.key'), keyPem, { mode: 0o600 });
    await writeFile(join(beside, 'root.crt'), certPem, { mode: 0o644 });
    // A temporary folder is its owner's alone; others need the root to trust it.
    await chmod(beside, 0o755);
    await rename(beside, directory);
  } catch (error) {
    // Somebody else was faster: theirs is used.
    if (!(await exists(join(directory, 'root.crt')))) throw error;
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

async function signRoot(): Promise<{ certPem: string; keyPem: string }> {
  const lib = await library();
  const keys = await generateKeys();
  const { username } = userInfo();
  const root = await lib.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [`fairlead local CA ${username}@${hostname()}`] }, { O: ['fairlead development'] }],
    ...validFor(ROOT_DAYS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new lib.BasicConstraintsExtension(true, 0, true),
      new lib.KeyUsagesExtension(lib.KeyUsageFlags.keyCertSign | lib.KeyUsageFlags.cRLSign, true),
      await lib.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: `${root.toString('pem')}\n`, keyPem: exportKey(keys.privateKey) };
}

async function issue(names: readonly string[], rootPem: string, rootKeyPem: string) {
  const lib = await library();
  const root = new lib.X509Certificate(rootPem);
  const keys = await generateKeys();
  const leaf = await lib.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [(names[0] ?? '').slice(0, 64)] }],
    issuer: root.subject,
    ...validFor(LEAF_DAYS),
    publicKey: keys.publicKey,
    signingKey: await importKey(rootKeyPem),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new lib.BasicConstraintsExtension(false, undefined, true),
      new lib.KeyUsagesExtension(lib.KeyUsageFlags.digitalSignature, true),
      new lib.ExtendedKeyUsageExtension([lib.ExtendedKeyUsage.serverAuth]),
      new lib.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
      await lib.AuthorityKeyIdentifierExtension.create(root.publicKey),
    ],
  });
  return { certPem: `${leaf.toString('pem')}\n${rootPem}`, keyPem: exportKey(keys.privateKey) };
}

/** Null when there is none, it cannot be read or nears its end, or another root signed it. */
async function readIssued(file: string, rootPem: string) {
  const text = await readFile(file, 'utf8').catch(() => '');
  const { certificates, keys } = readPem(text);
  const [leafPem] = certificates;
  const [keyPem] = keys;
  if (leafPem === undefined || keyPem === undefined) return null;
  const leaf = parse(leafPem);
  if (leaf === null) return null;
  const isOurs = leaf.verify(new X509Certificate(rootPem).publicKey);
  const isFresh = leaf.validToDate.getTime() - Date.now() > RENEW_BEFORE_DAYS * DAY_MS;
  return isOurs && isFresh ? { certPem: certificates.join(''), keyPem } : null;
}

function parse(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

/** Loaded when an authority is first used: a router in production needs none. */
function library() {
  return import('@peculiar/x509');
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}

function exportKey(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }) as string;
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}

function validFor(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** Positive, and with more entropy than the 64 bits that authorities owe (CA/Browser Forum BR 7.1). */
function serialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`;
}

function digestOf(names: readonly string[]): string {
  return hash('sha256', names.join('\n')).slice(0, 32);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function replaceFile(path: string, content: string, mode: number): Promise<void> {
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(beside, content, { mode });
  await rename(beside, path);
}
