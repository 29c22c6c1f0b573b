import { isEncryptedKey, readPem } from '../../tls/pem.ts';
import { createUpstreamContext, type UpstreamTlsConfig } from '../../tls/upstream.ts';
import { readAuthorities } from './client-tls.ts';
import type { Settings } from './schema.ts';
import { intact, origin, problem, readNamed, type Sources } from './sources.ts';

const GROUP = 'upstreamTls';

/** How instances prove who they are. What cannot be read stops the start: without it nobody would be believed, or anybody. */
export function resolveUpstreamTls(given: Settings['upstreamTls'], sources: Sources): UpstreamTlsConfig {
  const { caFile, certFile, keyFile, serverName } = given;
  const caPem = caFile === null ? null : readAuthorities(caFile, `${GROUP}.caFile`, sources);
  const certPem = certFile === null ? null : readAuthorities(certFile, `${GROUP}.certFile`, sources);
  const keyPem = keyFile === null ? null : readKey(keyFile, sources);
  if ((certFile === null) !== (keyFile === null) && intact(sources, GROUP)) {
    const [present, missing] = certFile === null ? ['keyFile', 'certFile'] : ['certFile', 'keyFile'];
    const message = `${GROUP}.${present} needs ${GROUP}.${missing} as well`;
    problem(sources, origin(sources, `${GROUP}.${present}`), message);
  }
  const config = { caPem, serverName, client: certPem && keyPem ? { certPem, keyPem } : null };
  if (config.client !== null && !isUsable(config)) {
    const message = `${GROUP}.keyFile: ${keyFile} is not the key of the certificate in ${certFile}`;
    problem(sources, origin(sources, `${GROUP}.keyFile`), message);
  }
  return config;
}

function readKey(file: string, sources: Sources): string | null {
  const key = `${GROUP}.keyFile`;
  const text = readNamed(sources, key, file);
  if (text === null) return null;
  const [pem] = readPem(text).keys;
  if (pem !== undefined && !isEncryptedKey(pem)) return pem;
  const reason = pem === undefined ? 'holds no private key' : 'holds an encrypted key';
  problem(sources, origin(sources, key), `${key}: ${file} ${reason}`);
  return null;
}

function isUsable(config: UpstreamTlsConfig): boolean {
  try {
    createUpstreamContext(config);
    return true;
  } catch {
    return false;
  }
}
