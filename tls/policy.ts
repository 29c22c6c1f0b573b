import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';

/** Mozilla's server side TLS guidelines 5.7, "intermediate", for OpenSSL: TLS 1.2 and 1.3, forward secrecy only. */
const ciphers = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
] as const;

const ciphersOfTls13 = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
] as const;

export interface TlsPolicy {
  /** For `tls.createSecureContext` and `tls.createServer` alike. */
  readonly context: Readonly<SecureContextOptions>;
  /** What we speak over TLS, best first. */
  readonly alpn: readonly ['h2', 'http/1.1'];
}

/** How every TLS connection of a client is secured. */
export const policy: TlsPolicy = {
  context: {
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: [...ciphersOfTls13, ...ciphers].join(':'),
    // All of them are good: a client without AES in hardware may prefer ChaCha20.
    honorCipherOrder: false,
    // The hybrid guards recorded traffic against a later quantum computer; browsers offer it first.
    ecdhCurve: 'X25519MLKEM768:X25519:prime256v1:secp384r1',
    // A client that asks to renegotiate is refused (CVE-2009-3555 and a cheap way to burn our processor). Node would
    // otherwise allow three in ten minutes.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  },
  alpn: ['h2', 'http/1.1'],
};
