import { type FileHandle, open } from 'node:fs/promises';
import { MAX_PEM_BYTES } from '../../../tls/pem.ts';
import { unpackPkcs12 } from '../../../tls/pkcs12.ts';
import { explainRead } from '../../config/files.ts';
import type { Item } from './keeper.ts';

/** The files that make up one certificate. */
export type CertificateFiles =
  | { readonly kind: 'pem'; readonly certFile: string; readonly keyFile: string }
  | { readonly kind: 'pkcs12'; readonly file: string; readonly passwordFile: string | null };

/** Reads the files of one certificate; a failure becomes its reason. */
export async function readFiles(files: CertificateFiles, source: string): Promise<Item> {
  try {
    if (files.kind === 'pkcs12') return await readPkcs12(files.file, files.passwordFile, source);
    const certPem = await readLimited(files.certFile);
    const isCombined = files.keyFile === files.certFile;
    const keyPem = isCombined ? certPem : await readLimited(files.keyFile);
    return { source, certPem: certPem.toString('utf8'), keyPem: keyPem.toString('utf8') };
  } catch (error) {
    return { source, reason: describe(error) };
  }
}

async function readPkcs12(file: string, passwordFile: string | null, source: string): Promise<Item> {
  const content = await readLimited(file);
  const password = passwordFile === null ? '' : (await readLimited(passwordFile)).toString('utf8').trim();
  const unpacked = await unpackPkcs12(content, password);
  if (!unpacked.ok) return { source, reason: unpacked.reason };
  return { source, certPem: unpacked.certPem, keyPem: unpacked.keyPem };
}

/** A pipe or a device would block or never end. */
async function readLimited(path: string): Promise<Buffer> {
  const handle: FileHandle = await open(path, 'r');
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new Error('not a file');
    const buffer = Buffer.alloc(MAX_PEM_BYTES + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    if (length > MAX_PEM_BYTES) throw new Error('larger than 256KiB');
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}

function describe(error: unknown): string {
  const { path } = error as NodeJS.ErrnoException;
  const reason = explainRead(error);
  return path === undefined ? reason : `${path}: ${reason}`;
}
