import { displayPath } from '../../config/files.ts';
import { type FolderContent, lookInto } from './folder-layout.ts';
import { followFiles } from './follow-files.ts';
import type { Item } from './keeper.ts';
import { readFiles } from './pair.ts';
import { type CertificateSource, MAX_CERTIFICATES } from './source.ts';

export interface FolderOptions {
  readonly folder: string;
  /** For PKCS#12 files without a `.pass` file beside them. */
  readonly passwordFile: string | null;
  readonly cwd: string;
}

/** Every certificate in a folder: pairs, combined files, the layouts of certbot and Kubernetes, PKCS#12. */
export function folderSource(options: FolderOptions): CertificateSource {
  const name = `folder ${displayPath(options.folder, options.cwd)}`;
  const look = async () => {
    const content = await lookInto(options.folder);
    return { ...content, items: () => itemsOf(content, options) };
  };
  return {
    name,
    watch: (onCertificates, signal) => followFiles(name, look, onCertificates, signal),
  };
}

async function itemsOf(
  { found, odd }: FolderContent,
  { cwd, passwordFile }: FolderOptions,
): Promise<ReadonlyMap<string, Item>> {
  const items = new Map<string, Item>();
  const sourceOf = (path: string): string => `file ${displayPath(path, cwd)}`;
  for (const [path, files] of found) {
    if (items.size >= MAX_CERTIFICATES) {
      items.set('', { source: sourceOf(path), reason: `more than ${MAX_CERTIFICATES} certificates` });
      break;
    }
    const isLocked = files.kind === 'pkcs12' && files.passwordFile === null;
    items.set(path, await readFiles(isLocked ? { ...files, passwordFile } : files, sourceOf(path)));
  }
  for (const { path, reason } of odd) items.set(path, { source: sourceOf(path), reason });
  return items;
}
