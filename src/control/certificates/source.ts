import type { Certificate } from '../../../tls/certificate.ts';

/** Something that was meant to be a certificate and is not served as it is. */
export interface RefusedCertificate {
  /** For people: `file certs/a.pem`. */
  readonly source: string;
  readonly reason: string;
}

/** All that a source has at this moment. */
export type OnCertificates = (set: readonly Certificate[], refused: readonly RefusedCertificate[]) => void;

/** Where certificates come from. It tells everything it has each time, and keeps what it had while it is in trouble. */
export interface CertificateSource {
  /** For people, without secrets: `folder certs`, `redis 10.0.0.5:6379`. */
  readonly name: string;
  /**
   * Calls back when it has read for the first time, also when there is nothing or it could not, and after every
   * change, until the signal aborts. Never throws or rejects.
   */
  watch(onCertificates: OnCertificates, signal: AbortSignal): Promise<void> | void;
}

/** Of one source: more of them would be a mistake of whoever writes there. */
export const MAX_CERTIFICATES = 10_000;
