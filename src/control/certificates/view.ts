import type { Certificate } from '../../../tls/certificate.ts';
import type { Family, Metrics } from '../metrics.ts';
import { dateOf } from './live-set.ts';
import type { CertificateStore } from './store.ts';

/** More series than these nobody looks at; those that end first are shown. */
const MOST_SERIES = 1_000;

type Shown = Pick<CertificateStore, 'live' | 'refused' | 'defaultId'>;

/** What the API shows of certificates: never a key. */
export function certificatesView({ live, refused, defaultId }: Shown): unknown {
  return {
    certificates: live.map((each) => ({
      names: each.names,
      notBefore: dateOf(each.notBeforeMs),
      notAfter: dateOf(each.notAfterMs),
      issuer: each.issuer,
      keyKind: each.keyKind,
      source: each.source,
      default: each.id === defaultId,
      id: each.id,
    })),
    refused,
  };
}

export function addCertificateFamilies(metrics: Metrics, store: CertificateStore): void {
  for (const family of families(store)) metrics.add(family);
}

function families(store: CertificateStore): readonly Family[] {
  return [
    {
      name: 'tls_certificate_expiry_seconds',
      help: 'Until the certificate of this name expires, negative once it has; the soonest ones only',
      type: 'gauge',
      *read() {
        const nowMs = Date.now();
        for (const [name, notAfterMs] of soonest(store.live)) {
          yield { value: Math.round((notAfterMs - nowMs) / 1000), labels: { name } };
        }
      },
    },
    {
      name: 'tls_certificates',
      help: 'Certificates that are served',
      type: 'gauge',
      read: () => [{ value: store.live.length, labels: {} }],
    },
    {
      name: 'tls_certificates_refused',
      help: 'Certificates and sources set aside',
      type: 'gauge',
      read: () => [{ value: store.refused.length, labels: {} }],
    },
  ];
}

/** By the first name of each; of several for one name, the one that ends first. */
function soonest(live: readonly Certificate[]): readonly (readonly [string, number])[] {
  const ends = new Map<string, number>();
  for (const { names, notAfterMs } of live) {
    const name = names[0] ?? '';
    ends.set(name, Math.min(ends.get(name) ?? Number.POSITIVE_INFINITY, notAfterMs));
  }
  return [...ends].sort(([, a], [, b]) => a - b).slice(0, MOST_SERIES);
}
