import { dirname } from 'node:path';
import { displayPath } from '../../config/files.ts';
import { markOf } from './folder-layout.ts';
import { followFiles } from './follow-files.ts';
import { type CertificateFiles, readFiles } from './pair.ts';
import type { CertificateSource } from './source.ts';

/** One certificate whose files are named. */
export function fileSource(files: CertificateFiles, cwd: string): CertificateSource {
  const paths =
    files.kind === 'pem'
      ? [files.certFile, files.keyFile]
      : [files.file, ...(files.passwordFile === null ? [] : [files.passwordFile])];
  const name = `file ${displayPath(paths[0]!, cwd)}`;
  const look = async () => ({
    folders: [...new Set(paths.map((path) => dirname(path)))],
    fingerprint: (await Promise.all(paths.map(markOf))).join('\n'),
    items: async () => new Map([['', await readFiles(files, name)]]),
  });
  return {
    name,
    watch: (onCertificates, signal) => followFiles(name, look, onCertificates, signal),
  };
}
