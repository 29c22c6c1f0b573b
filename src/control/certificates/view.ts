import type { Certificate } from '../../../tls/certificate.ts';
import type { AcmeSource } from '../acme/acme-source.ts';
import type { Family, Metrics } from '../metrics.ts';
import { dateOf } from './live-set.ts';
import type { CertificateStore } from './store.ts';

/** More series than these nobody looks at; those that end first are shown. */
const MOST_SERIES = 1_000;

interface Shown {
  readonly certificates: Pick<CertificateStore, 'live' | 'refused' | 'defaultId'>;
  readonly acme: Pick<AcmeSource, 'status' | 'orders' | 'errors'> | null;
}

/** What the API shows of certificates: never a key. */
export function certificatesView({ certificates, acme }: Shown): unknown {
  const { live, refused, defaultId } = certificates;
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
    acme: acmeView(acme?.status() ?? null),
  };
}

/** Null where nothing is ordered. */
function acmeView(status: ReturnType<AcmeSource['status']>): unknown {
  if (status === null) return null;
  const date = (ms: number | null): string | null => (ms === null ? null : dateOf(ms));
  return {
    problem: status.problem,
    certificates: status.certificates.map((each) => ({
      ...each,
      notAfter: date(each.notAfter),
      renewAt: date(each.renewAt),
      nextAttemptAt: date(each.nextAttemptAt),
    })),
  };
}

export function addCertificateFamilies(metrics: Metrics, shown: Shown): void {
  for (const family of families(shown)) metrics.add(family);
}

function families({ certificates: store, acme }: Shown): readonly Family[] {
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
    {
      name: 'acme_orders_total',
      help: 'Orders of certificates that this replica finished, by result',
      type: 'counter',
      read: () => acme?.orders() ?? [],
    },
    {
      name: 'acme_errors_total',
      help: "Failures of orders, by the authority's type of error",
      type: 'counter',
      read: () => acme?.errors() ?? [],
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
