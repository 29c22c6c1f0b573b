/**
 * A real certificate authority for tests (Pebble, strict, without its artificial pauses) that finds every name at
 * 127.0.0.1, because the DNS server beside it says so.
 */
import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { challtestsrvBinary, pebbleBinary } from '../provision.ts';
import { accepts, freePorts } from './ports.ts';
import { type Child, eventually, Stop, start, tail } from './process.ts';

export const skipPebble = process.env.FAIRLEAD_SKIP_EXTERNAL === '1';

export interface PebbleOptions {
  /** Percentage of good nonces that are refused. */
  readonly nonceReject?: number;
  /** Accounts need one of these keys, base64url by key identifier. */
  readonly eab?: Readonly<Record<string, string>>;
  /** Percentage of valid authorizations that serve again for the next order of their name. */
  readonly reuse?: number;
}

export interface Pebble {
  readonly port: number;
  readonly directory: string;
  /** Trusts the directory. */
  readonly caFile: string;
  readonly caPem: string;
  readonly keyPem: string;
  /** Where it validates http-01 and tls-alpn-01. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** Of `pebble-challtestsrv`, for TXT records. */
  readonly dnsManagement: string;
  /** The root its certificates lead to, in PEM. */
  root(): Promise<string>;
  /** How many certificates it has issued. */
  issued(): number;
  stop(): Promise<void>;
}

export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  const home = await mkdtemp(join(tmpdir(), 'fairlead-pebble-'));
  const [port = 0, management = 0, httpPort = 0, tlsPort = 0, dns = 0, dnsManagement = 0] =
    await freePorts(6);
  const { certPem, keyPem } = await serverCertificate();
  const [caFile, keyFile, config] = ['cert.pem', 'key.pem', 'pebble.json'].map((name) =>
    join(home, name),
  ) as [string, string, string];
  await writeFile(caFile, certPem);
  await writeFile(keyFile, keyPem);
  await writeFile(
    config,
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate: caFile,
        privateKey: keyFile,
        ...{ httpPort, tlsPort, ocspResponderURL: '' },
        externalAccountBindingRequired: options.eab !== undefined,
        externalAccountMACKeys: options.eab ?? {},
      },
    }),
  );
  const names = await start(await challtestsrvBinary(), [
    ...['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsManagement}`],
    ...['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv4', '127.0.0.1', '-defaultIPv6', ''],
  ]);
  const env = {
    PEBBLE_VA_NOSLEEP: '1',
    PEBBLE_WFE_NONCEREJECT: String(options.nonceReject ?? 5),
    PEBBLE_AUTHZREUSE: String(options.reuse ?? 0),
  };
  const args = ['-strict', '-config', config, '-dnsserver', `127.0.0.1:${dns}`];
  const authority = await start(await pebbleBinary(), args, { env });
  await Promise.all([listening(names, dnsManagement), listening(authority, port)]);
  return {
    ...{ port, caFile, keyPem, httpPort, tlsPort, caPem: certPem },
    directory: `https://127.0.0.1:${port}/dir`,
    dnsManagement: `http://127.0.0.1:${dnsManagement}`,
    root: () => fetchPem(`https://127.0.0.1:${management}/roots/0`, certPem),
    issued: () => authority.stdout.filter((line) => /Issued certificate serial/.test(line)).length,
    async stop() {
      await Promise.all([names, authority].map((child) => (child.exit ? null : child.stop('SIGKILL'))));
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function fetchPem(url: string, ca: string): Promise<string> {
  const [response] = (await once(get(url, { ca }), 'response')) as [IncomingMessage];
  return (await response.setEncoding('utf8').toArray()).join('');
}

async function listening(child: Child, port: number): Promise<void> {
  const ready = async (): Promise<void> => {
    if (child.exit !== undefined) throw new Stop(`ended: ${tail(child)}`);
    await accepts(port);
  };
  await eventually(ready, { timeoutMs: 10_000, what: `something at port ${port}` });
}

/** Self-signed, for 127.0.0.1. */
async function serverCertificate(): Promise<{ readonly certPem: string; readonly keyPem: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ keys, signingAlgorithm: algorithm, name: 'CN=127.0.0.1', serialNumber: '01' },
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 24 * 3_600_000),
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  return { certPem: certificate.toString('pem'), keyPem };
}
