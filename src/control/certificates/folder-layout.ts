import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateFiles } from './pair.ts';
import { MAX_CERTIFICATES } from './source.ts';

/** What a folder seems to hold. */
export interface FolderContent {
  /** By the path of the file that has the certificate. */
  readonly found: ReadonlyMap<string, CertificateFiles>;
  /** Files that are no certificate by themselves and belong to none. */
  readonly odd: readonly { readonly path: string; readonly reason: string }[];
  /** The folder and those below it that were looked into. */
  readonly folders: readonly string[];
  /** Changes when any of the files does: its size, time and number. */
  readonly fingerprint: string;
}

const MAX_FILES = 4 * MAX_CERTIFICATES;
const CERTIFICATE = /\.(crt|pem|cer)$/i;
const KEY = /(\.key|-key\.pem)$/i;
const PKCS12 = /\.(p12|pfx)$/i;
/** Of certbot and Kubernetes: parts and authorities that lie beside the real ones. */
const COMPANIONS = /^(chain\d*|ca|ca-bundle|ca-chain)\.(pem|crt|cer)$/i;

/**
 * Looks into a folder and the folders directly in it. What begins with a dot is left out, as Kubernetes' `..data` and
 * its generations: the entries beside them point there. Throws what `fs` throws when the folder itself cannot be read.
 */
export async function lookInto(folder: string): Promise<FolderContent> {
  const found = new Map<string, CertificateFiles>();
  const odd: { path: string; reason: string }[] = [];
  const marks: string[] = [];
  const folders = [folder];
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (await isFolder(entry, path)) folders.push(path);
  }
  for (const each of folders) {
    const names = (await entriesOf(each).catch(() => [])).map(({ name }) => name);
    const sorted = sortOut(names);
    for (const [name, files] of sorted.found) found.set(join(each, name), within(each, files));
    for (const { name, reason } of sorted.odd) odd.push({ path: join(each, name), reason });
    for (const name of sorted.used) marks.push(await markOf(join(each, name)));
  }
  if (marks.length > MAX_FILES) throw new Error(`more than ${MAX_FILES} files`);
  return { found, odd, folders, fingerprint: marks.join('\n') };
}

interface Sorted {
  readonly found: ReadonlyMap<string, CertificateFiles>;
  readonly odd: readonly { readonly name: string; readonly reason: string }[];
  readonly used: readonly string[];
}

/** Which names belong together: pure, so that every layout is one line of a test. */
export function sortOut(names: readonly string[]): Sorted {
  const all = new Set(names.toSorted());
  const found = new Map<string, CertificateFiles>();
  const odd: { name: string; reason: string }[] = [];
  const keys = new Set<string>();
  const certbot = all.has('fullchain.pem') && all.has('privkey.pem');
  if (certbot) {
    found.set('fullchain.pem', { kind: 'pem', certFile: 'fullchain.pem', keyFile: 'privkey.pem' });
    keys.add('privkey.pem');
  }
  for (const name of all) {
    if (PKCS12.test(name)) {
      const pass = name.replace(PKCS12, '.pass');
      found.set(name, { kind: 'pkcs12', file: name, passwordFile: all.has(pass) ? pass : null });
    } else if (CERTIFICATE.test(name) && !KEY.test(name) && !found.has(name)) {
      if (COMPANIONS.test(name) || (certbot && /^(cert|privkey)\.pem$/.test(name))) continue;
      const base = name.replace(CERTIFICATE, '');
      // Without one beside it, the key is looked for in the same file.
      const beside = [`${base}.key`, `${base}-key.pem`, name.replace(/-cert\.pem$/i, '-key.pem')];
      const keyFile = beside.find((each) => all.has(each)) ?? name;
      found.set(name, { kind: 'pem', certFile: name, keyFile });
      keys.add(keyFile);
    }
  }
  for (const name of all) {
    if (KEY.test(name) && !keys.has(name)) odd.push({ name, reason: 'no certificate beside this key' });
  }
  const used = [...all].filter(
    (name) => CERTIFICATE.test(name) || KEY.test(name) || PKCS12.test(name) || /\.pass$/.test(name),
  );
  return { found, odd, used };
}

function within(folder: string, files: CertificateFiles): CertificateFiles {
  if (files.kind === 'pem') {
    return { kind: 'pem', certFile: join(folder, files.certFile), keyFile: join(folder, files.keyFile) };
  }
  const { passwordFile } = files;
  return {
    kind: 'pkcs12',
    file: join(folder, files.file),
    passwordFile: passwordFile === null ? null : join(folder, passwordFile),
  };
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  if (entries.length > MAX_FILES) throw new Error(`more than ${MAX_FILES} files`);
  return entries.filter(({ name }) => !name.startsWith('.'));
}

async function isFolder(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}

/** What changes when a file does. Follows symbolic links, so that one that points elsewhere counts as well. */
export async function markOf(path: string): Promise<string> {
  return stat(path).then(
    ({ size, mtimeMs, ctimeMs, ino }) => `${path} ${size} ${mtimeMs} ${ctimeMs} ${ino}`,
    () => `${path} missing`,
  );
}
