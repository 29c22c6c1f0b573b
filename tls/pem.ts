/** The only file that knows what PEM looks like (RFC 7468). */

/** Of one file or value: certificates, key and whatever text stands between them. */
export const MAX_PEM_BYTES = 256 * 1024;

export interface PemBlocks {
  readonly certificates: readonly string[];
  /** Private keys of any kind; an encrypted one says so in its label or header. */
  readonly keys: readonly string[];
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----[\s\S]*?-----END \1-----/g;
const CERTIFICATE_LABELS = new Set(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE']);

/** Finds certificates and keys in a text; everything else (parameters, comments, bag attributes) is left out. */
export function readPem(text: string): PemBlocks {
  const certificates: string[] = [];
  const keys: string[] = [];
  for (const [block, label = ''] of text.matchAll(BLOCK)) {
    const pem = `${block.replaceAll('\r\n', '\n')}\n`;
    if (CERTIFICATE_LABELS.has(label)) certificates.push(pem);
    else if (label === 'PRIVATE KEY' || label.endsWith(' PRIVATE KEY')) keys.push(pem);
  }
  return { certificates, keys };
}

export function isEncryptedKey(pem: string): boolean {
  return pem.startsWith('-----BEGIN ENCRYPTED ') || pem.includes('\nProc-Type: 4,ENCRYPTED');
}
