import { dirname } from 'node:path';
import type { Certificate } from '../../../tls/certificate.ts';
import type { CertificateConfig, CertificateOrigin } from '../../config/config.ts';
import { lookInto, markOf } from '../../control/certificates/folder-layout.ts';
import { followFiles, type Sight } from '../../control/certificates/follow-files.ts';
import type { Item } from '../../control/certificates/keeper.ts';
import { type CertificateFiles as Found, readFiles } from '../../control/certificates/pair.ts';
import type { RefusedCertificate } from '../../control/certificates/source.ts';
import type { Log } from '../../control/log.ts';
import type { CertificateFiles } from './model.ts';

type OnDisk = Extract<CertificateOrigin, { kind: 'folder' | 'files' }>;
type Files = ReadonlyMap<string, Found>;

/**
 * The certificates that the configuration names and that nginx and HAProxy can read themselves: PEM files. They are read
 * here for their names, and followed so that a renewed one is told to the program that serves it.
 */
export class CertificateWatch {
  version = 0;
  readonly #origins: readonly OnDisk[];
  readonly #defaultName: string | null;
  readonly #sets = new Map<OnDisk, readonly CertificateFiles[]>();
  readonly #told = new Map<OnDisk, string>();
  readonly #log: Log;
  readonly #onChange: () => void;
  readonly #stop = new AbortController();

  constructor({ certificates, defaultName }: CertificateConfig, log: Log, onChange: () => void) {
    this.#origins = certificates.filter(isOnDisk);
    this.#defaultName = defaultName;
    this.#log = log;
    this.#onChange = onChange;
  }

  start(): void {
    for (const origin of this.#origins) {
      let files: Files = new Map();
      const look = async (): Promise<Sight> => {
        const seen = await sightOf(origin);
        files = seen.files;
        return { ...seen, items: () => itemsOf(seen.files) };
      };
      const take = (set: readonly Certificate[], refused: readonly RefusedCertificate[]): void =>
        this.#take(origin, set, files, refused);
      void followFiles(nameOf(origin), look, take, this.#stop.signal);
    }
  }

  close(): void {
    this.#stop.abort();
  }

  /** Sources without a first answer. */
  missing(): ReadonlySet<string> {
    return new Set(this.#origins.filter((origin) => !this.#sets.has(origin)).map(nameOf));
  }

  /** In the order of the configuration, the one that serves unknown names first. */
  get certificates(): readonly CertificateFiles[] {
    const all = this.#origins.flatMap((origin) => this.#sets.get(origin) ?? []);
    const first = all.find(({ names }) => this.#defaultName !== null && names.includes(this.#defaultName));
    return first === undefined ? all : [first, ...all.filter((each) => each !== first)];
  }

  #take(
    origin: OnDisk,
    set: readonly Certificate[],
    files: Files,
    refused: readonly RefusedCertificate[],
  ): void {
    const found = set.flatMap(({ id, names, source }) => {
      const pair = files.get(source);
      if (pair?.kind !== 'pem') return [];
      return [{ id, names, certificate: pair.certFile, key: pair.keyFile }];
    });
    this.#tell(origin, refused);
    const before = this.#sets.get(origin);
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(found)) return;
    this.#sets.set(origin, found);
    this.version++;
    this.#onChange();
  }

  #tell(origin: OnDisk, refused: readonly RefusedCertificate[]): void {
    const key = JSON.stringify(refused);
    if (refused.length > 0 && this.#told.get(origin) !== key)
      this.#log.warn({ refused: refused.slice(0, 20) }, 'certificates that are not served as they are');
    this.#told.set(origin, key);
  }
}

export function isOnDisk(origin: CertificateOrigin): origin is OnDisk {
  return origin.kind === 'folder' || origin.kind === 'files';
}

export function nameOf(origin: CertificateOrigin): string {
  switch (origin.kind) {
    case 'folder':
      return `certificates in ${origin.folder}`;
    case 'files':
      return `certificate ${origin.certFile}`;
    case 'pkcs12':
      return `certificate ${origin.file}`;
    case 'consul-kv':
      return `certificates below ${origin.prefix} in Consul`;
    case 'redis':
      return 'certificates in Redis';
  }
}

async function sightOf(origin: OnDisk): Promise<Omit<Sight, 'items'> & { readonly files: Files }> {
  if (origin.kind === 'folder') {
    const { found, folders, fingerprint } = await lookInto(origin.folder);
    return { files: found, folders, fingerprint };
  }
  const { certFile, keyFile } = origin;
  return {
    files: new Map([[certFile, { kind: 'pem', certFile, keyFile }]]),
    folders: [...new Set([dirname(certFile), dirname(keyFile)])],
    fingerprint: (await Promise.all([markOf(certFile), markOf(keyFile)])).join('\n'),
  };
}

/** Each by the path of its certificate, which is also what it is found again by. */
async function itemsOf(files: Files): Promise<ReadonlyMap<string, Item>> {
  const items = new Map<string, Item>();
  for (const [path, pair] of files) {
    const reason = 'PKCS#12 is not rendered: nginx and HAProxy read PEM';
    items.set(path, pair.kind === 'pem' ? await readFiles(pair, path) : { source: path, reason });
  }
  return items;
}
