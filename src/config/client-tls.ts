import { X509Certificate } from 'node:crypto';
import { readPem } from '../../tls/pem.ts';
import type { ClientAuth } from '../../tls/profiles.ts';
import type { ClientTlsConfig } from './config.ts';
import type { Settings } from './schema.ts';
import { origin, problem, readNamed, type Sources } from './sources.ts';

/** What clients of https listeners are asked for and told, beside certificates. */
export function resolveClientTls(tls: Settings['tls'], sources: Sources): ClientTlsConfig {
  return {
    clientAuth: (tls.clientAuth ?? []).flatMap(
      (rule, index) => resolveClientAuth(rule, index, sources) ?? [],
    ),
    hsts: hstsOf(tls.hsts),
    redirectPort: tls.redirectPort,
  };
}

type GivenClientAuth = NonNullable<Settings['tls']['clientAuth']>[number];

/** A rule whose authorities cannot be read must stop the start: without it the hosts would be open to everybody. */
function resolveClientAuth(rule: GivenClientAuth, index: number, sources: Sources): ClientAuth | null {
  const key = `tls.clientAuth[${index}].caFile`;
  const caPem = readAuthorities(rule.caFile, key, sources, 'tls.clientAuth');
  return caPem === null ? null : { hosts: rule.hosts, caPem, mode: rule.mode ?? 'required' };
}

/** The certificates of a file; null when there is none or one cannot be read. `group` says where problems belong. */
export function readAuthorities(file: string, key: string, sources: Sources, group = key): string | null {
  const text = readNamed(sources, group, file);
  if (text === null) return null;
  const { certificates } = readPem(text);
  const reason = certificates.length === 0 ? 'holds no certificate' : whyUnreadable(certificates);
  if (reason === null) return certificates.join('');
  problem(sources, origin(sources, group), `${key}: ${file} ${reason}`);
  return null;
}

function whyUnreadable(certificates: readonly string[]): string | null {
  for (const [index, pem] of certificates.entries()) {
    try {
      new X509Certificate(pem);
    } catch {
      return `holds a certificate that cannot be read, the ${index + 1}. of ${certificates.length}`;
    }
  }
  return null;
}

function hstsOf({ maxAge, includeSubDomains, preload }: Settings['tls']['hsts']): string {
  if (maxAge === null) return '';
  const seconds = `max-age=${maxAge}`;
  return [seconds, ...(includeSubDomains ? ['includeSubDomains'] : []), ...(preload ? ['preload'] : [])].join(
    '; ',
  );
}
