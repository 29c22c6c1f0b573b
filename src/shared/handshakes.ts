/** How a connection to a TLS listener began: the label `result` of `tls_handshakes_total`. The numbers are positions. */
export const HANDSHAKES = [
  'full',
  'resumed',
  /** tls-alpn-01: an authority looked at our challenge. */
  'acme',
  /** No TLS came. */
  'plaintext',
  'bad_hello',
  /** No certificate for the server name. */
  'unknown_name',
  /** Nothing in common by ALPN. */
  'no_protocol',
  /** The client's certificate is missing or not one of ours. */
  'client_certificate',
  'timeout',
  /** The client left before the end. */
  'gone',
  /** No version, cipher or group in common, a bad record and the like. */
  'failed',
] as const;

export type Handshake = (typeof HANDSHAKES)[number];
