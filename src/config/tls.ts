import type { CertificateConfig, CertificateOrigin } from './config.ts';
import { resolveRedisUrl } from './redis-url.ts';
import type { Settings } from './schema.ts';
import { intact, origin, problem, type Sources } from './sources.ts';

type TlsSettings = Settings['tls'];
type Entry = NonNullable<TlsSettings['certificates']>[number];

export interface TlsContext {
  /** `file:line:column` of an entry of `tls.certificates`. */
  readonly certificateAt: (index: number) => string;
  /** REDIS_URL, for entries without one of their own. */
  readonly redisUrl: string | null;
}

/** Where ours are, and where Hipache's successor PlanB has them. */
const redisPrefixes = ['fairlead:tls:', 'tls:'];

/** Where certificates come from and which one serves the rest. */
export function resolveTls(given: TlsSettings, sources: Sources, context: TlsContext): CertificateConfig {
  if (given.default !== null && given.strict && intact(sources, 'tls')) {
    const message = 'tls.default serves unknown names and tls.strict refuses them: remove one';
    problem(sources, origin(sources, 'tls.strict'), message);
  }
  const certificates = (given.certificates ?? []).flatMap((entry, index) => {
    const at = context.certificateAt(index);
    const found = originFrom(entry, at, sources, context);
    return found === null ? [] : [found];
  });
  return { certificates, defaultName: given.default, strict: given.strict };
}

function originFrom(
  entry: Entry,
  at: string,
  sources: Sources,
  context: TlsContext,
): CertificateOrigin | null {
  const { folder, certFile, keyFile = certFile, pkcs12File, passwordFile = null, consulKv, redis } = entry;
  if (folder !== undefined) return { kind: 'folder', at, folder, passwordFile };
  if (certFile !== undefined) return { kind: 'files', at, certFile, keyFile: keyFile ?? certFile };
  if (pkcs12File !== undefined) return { kind: 'pkcs12', at, file: pkcs12File, passwordFile };
  if (consulKv !== undefined) return { kind: 'consul-kv', at, prefix: consulKv.replace(/^\/+|\/+$/g, '') };
  const url = resolveRedisUrl(redis ?? {}, { key: 'redis', at }, sources, context.redisUrl);
  if (url === null) return null;
  return { kind: 'redis', at, url, prefixes: redis?.prefix === undefined ? redisPrefixes : [redis.prefix] };
}
