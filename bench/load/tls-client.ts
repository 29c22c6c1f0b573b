/**
 * What every TLS client here asks for, and nothing else: TLS 1.3, one cipher, one group. The contestants allow more and
 * are left to their own choice otherwise, so the clients make it the same for all.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { scratch } from '../machine/scratch.ts';

export const CIPHER = 'TLS_AES_128_GCM_SHA256';
export const GROUP = 'X25519';

/** For clients in Node. That the certificate is the right one is none of their business. */
export const clientOptions: ConnectionOptions = {
  minVersion: 'TLSv1.3',
  ciphers: CIPHER,
  ecdhCurve: GROUP,
  rejectUnauthorized: false,
};

let file: string | undefined;

/** For programs with OpenSSL that have no such options, as their environment. */
export function opensslEnvironment(): Record<string, string> {
  if (file === undefined) {
    file = join(scratch('openssl'), 'openssl.cnf');
    writeFileSync(file, configuration);
  }
  return { OPENSSL_CONF: file };
}

const configuration = `openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = clients
[clients]
MinProtocol = TLSv1.3
Ciphersuites = ${CIPHER}
Groups = ${GROUP}
`;
