/** Why a TLS handshake with an instance failed: the label `reason` of `upstream_tls_failures_total`. The numbers are positions. */
export const UPSTREAM_TLS_FAULTS = [
  /** Its certificate is for another name, expired, or from nobody we trust. */
  'certificate',
  /** It does not speak what its tag says (`proto=h2`). */
  'protocol',
  /** No TLS, no version or cipher in common, or our certificate is wanted. */
  'handshake',
] as const;

export type UpstreamTlsFault = (typeof UPSTREAM_TLS_FAULTS)[number];
