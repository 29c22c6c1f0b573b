import type { CertificateOrigin, Config } from '../../config/config.ts';
import { describeRedisUrl } from '../../config/redis-url.ts';
import type { Log } from '../providers/fault-log.ts';
import { consulKvSource } from './consul-kv.ts';
import type { CertificateCopies } from './copies.ts';
import { fileSource } from './file.ts';
import { folderSource } from './folder.ts';
import { redisSource } from './redis.ts';
import type { CertificateSource } from './source.ts';

export interface SourceTools {
  readonly log: Log;
  /** Counts faults of Consul by kind. */
  readonly onConsulError: (kind: string) => void;
  /** Where certificates of sources on the network are kept; null keeps none. */
  readonly copies: CertificateCopies | null;
}

/** What the configuration names, in its order. */
export function createSources(
  { tls, consul }: Pick<Config, 'tls' | 'consul'>,
  cwd: string,
  tools: SourceTools,
): readonly CertificateSource[] {
  return tls.certificates.map((origin) => createSource(origin, consul, cwd, tools));
}

export function createSource(
  origin: CertificateOrigin,
  consul: Config['consul'],
  cwd: string,
  { log, onConsulError, copies }: SourceTools,
): CertificateSource {
  switch (origin.kind) {
    case 'folder':
      return folderSource({ folder: origin.folder, passwordFile: origin.passwordFile, cwd });
    case 'files':
      return fileSource({ kind: 'pem', certFile: origin.certFile, keyFile: origin.keyFile }, cwd);
    case 'pkcs12':
      return fileSource({ kind: 'pkcs12', file: origin.file, passwordFile: origin.passwordFile }, cwd);
    case 'consul-kv': {
      const { prefix } = origin;
      const copy = copies?.of(`consul ${consul.url} ${consul.datacenter ?? ''} ${prefix}`) ?? null;
      return consulKvSource({ config: consul, prefix, log, onError: onConsulError, copy });
    }
    case 'redis': {
      const { url, prefixes } = origin;
      const copy = copies?.of(`redis ${describeRedisUrl(url)} ${prefixes.join(' ')}`) ?? null;
      return redisSource({ url, prefixes, log, copy });
    }
  }
}
