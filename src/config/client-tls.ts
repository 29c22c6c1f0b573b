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
  const text = readNamed(sources, 'tls.clientAuth', rule.caFile);
  if (text === null) return null;
  const { certificates } = readPem(text);
  const reason = certificates.length === 0 ? 'holds no certificate' : whyUnreadable(certificates);
  if (reason !== null) {
    problem(sources, origin(sources, 'tls.clientAuth'), `${key}: ${rule.caFile} ${reason}`);
    return null;
  }
  return { hosts: rule.hosts, caPem: certificates.join(''), mode: rule.mode ?? 'required' };
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
