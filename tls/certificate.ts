import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isEncryptedKey, MAX_PEM_BYTES, readPem } from './pem.ts';
import { normalizeCertificateName } from './server-name.ts';

/** A chain with its private key, fit to be served. A plain value: it travels to the workers. */
export interface Certificate {
  /** SHA-256 of chain and key, in hex. */
  readonly id: string;
  /** Lower-case DNS names (a-labels) and addresses; a wildcard as `*.example.com`. */
  readonly names: readonly string[];
  /** The leaf first, then what leads from it towards a root. */
  readonly certPem: string;
  readonly keyPem: string;
  readonly keyKind: KeyKind;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Common name of who signed it, or its organisation. */
  readonly issuer: string;
  /** For people: `file certs/a.pem`, `consul kv fairlead/tls/a`, `acme`. */
  readonly source: string;
}

export type KeyKind = 'rsa' | 'ec' | 'ed25519';

export type ReadCertificate =
  | { readonly ok: true; readonly certificate: Certificate }
  | { readonly ok: false; readonly reason: string };

/** Real chains have two to four; each costs every handshake. */
const MAX_CHAIN = 10;
/** As many as public authorities put into one certificate. */
const MAX_NAMES = 100;
const MIN_RSA_BITS = 2048;

/**
 * Makes a certificate of two texts, which may be the same one. The leaf is the certificate that the key belongs to,
 * wherever it stands; what does not lead from it to a root is left out. Time is not judged here: a certificate that
 * was good when it was read expires while it is served.
 */
export function readCertificate(certPem: string, keyPem: string, source: string): ReadCertificate {
  if (Buffer.byteLength(certPem) > MAX_PEM_BYTES || Buffer.byteLength(keyPem) > MAX_PEM_BYTES) {
    return refuse('larger than 256KiB');
  }
  const key = readKey(keyPem);
  if (!key.ok) return key;
  const given = readChain(certPem);
  if (!given.ok) return given;
  const leaf = given.chain.find((each) => each.checkPrivateKey(key.key));
  if (leaf === undefined) return refuse('the key does not belong to the certificate');
  const weakness = weaknessOf(leaf);
  if (weakness !== null) return refuse(weakness);
  const names = namesOf(leaf);
  if (names.length === 0) return refuse('names no host: it has neither DNS names nor addresses');
  if (names.length > MAX_NAMES) return refuse(`more than ${MAX_NAMES} names`);
  const chain = fromLeaf(leaf, given.chain);
  const chainPem = chain.map((each) => each.toString()).join('');
  const normalKeyPem = key.key.export({ type: 'pkcs8', format: 'pem' }) as string;
  return {
    ok: true,
    certificate: {
      id: createHash('sha256').update(chainPem).update(normalKeyPem).digest('hex'),
      names,
      certPem: chainPem,
      keyPem: normalKeyPem,
      keyKind: key.kind,
      notBeforeMs: leaf.validFromDate.getTime(),
      notAfterMs: leaf.validToDate.getTime(),
      issuer: issuerOf(leaf),
      source,
    },
  };
}

type ReadKey = { readonly ok: true; readonly key: KeyObject; readonly kind: KeyKind } | Refusal;
type ReadChain = { readonly ok: true; readonly chain: readonly X509Certificate[] } | Refusal;
interface Refusal {
  readonly ok: false;
  readonly reason: string;
}

function readKey(text: string): ReadKey {
  const { keys } = readPem(text);
  const [pem] = keys;
  if (pem === undefined) return refuse('no private key');
  if (keys.length > 1) return refuse('more than one private key');
  if (isEncryptedKey(pem)) return refuse('the private key is encrypted: store it without a passphrase');
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The library's words could repeat parts of the input.
    return refuse('the private key cannot be read');
  }
  switch (key.asymmetricKeyType) {
    case 'rsa': {
      const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
      if (bits < MIN_RSA_BITS)
        return refuse(`weak key: RSA with ${bits} bits, at least ${MIN_RSA_BITS} needed`);
      return { ok: true, key, kind: 'rsa' };
    }
    case 'ec':
      return readCurve(key);
    case 'ed25519':
      return { ok: true, key, kind: 'ed25519' };
    default:
      return refuse(`keys of the kind ${key.asymmetricKeyType ?? 'unknown'} cannot be served`);
  }
}

/** Others are in no client's list, and the handshake would fail for everybody. */
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

function readCurve(key: KeyObject): ReadKey {
  const curve = key.asymmetricKeyDetails?.namedCurve ?? 'unknown';
  if (CURVES.has(curve)) return { ok: true, key, kind: 'ec' };
  return refuse(`keys on the curve ${curve} cannot be served: use prime256v1 or secp384r1`);
}

function readChain(text: string): ReadChain {
  const { certificates } = readPem(text);
  if (certificates.length === 0) return refuse('no certificate');
  if (certificates.length > MAX_CHAIN) return refuse(`more than ${MAX_CHAIN} certificates`);
  const chain: X509Certificate[] = [];
  for (const [index, pem] of certificates.entries()) {
    try {
      chain.push(new X509Certificate(pem));
    } catch {
      return refuse(`certificate ${index + 1} cannot be read`);
    }
  }
  return { ok: true, chain };
}

/** What clients refuse anyway; a root's own signature is never looked at. */
function weaknessOf(leaf: X509Certificate): string | null {
  if (leaf.ca && !leaf.checkIssued(leaf)) return 'this is the certificate of an authority, not of a server';
  const algorithm = leaf.signatureAlgorithm ?? 'unknown';
  if (/md[245]|sha-?1(?!\d)/i.test(algorithm)) return `weak signature: ${algorithm}`;
  return null;
}

/** CN counts only where there is no SAN (RFC 6125, 6.4.4). */
function namesOf(leaf: X509Certificate): readonly string[] {
  const given =
    leaf.subjectAltName === undefined ? commonNames(leaf.subject) : alternativeNames(leaf.subjectAltName);
  const names = given.map(normalizeCertificateName).filter((name) => name !== null);
  return [...new Set(names)];
}

/** `DNS:a.test, DNS:"odd, name", IP Address:10.0.0.1`; a quoted one is never a host name. */
function alternativeNames(text: string): readonly string[] {
  return Array.from(text.matchAll(/(?:^|, )(?:DNS|IP Address):([^,"]+)/g), ([, name = '']) => name);
}

function commonNames(subject: string | undefined): readonly string[] {
  return Array.from((subject ?? '').matchAll(/^CN=(.+)$/gm), ([, name = '']) => name);
}

function issuerOf(leaf: X509Certificate): string {
  const { issuer = '' } = leaf;
  const field = /^CN=(.+)$/m.exec(issuer) ?? /^O=(.+)$/m.exec(issuer);
  return (field?.[1] ?? issuer.replaceAll('\n', ', ')).slice(0, 200);
}

/** The leaf, who signed it, who signed that …; cross-signed siblings stay, strangers and repetitions go. */
function fromLeaf(leaf: X509Certificate, given: readonly X509Certificate[]): readonly X509Certificate[] {
  const chain = [leaf];
  for (let index = 0; index < chain.length; index++) {
    const below = chain[index]!;
    for (const each of given) {
      const isKnown = chain.some(({ fingerprint256 }) => fingerprint256 === each.fingerprint256);
      // A root with a new key has the same name as before.
      if (!isKnown && below.checkIssued(each) && below.verify(each.publicKey)) chain.push(each);
    }
  }
  return chain;
}

function refuse(reason: string): Refusal {
  return { ok: false, reason };
}
