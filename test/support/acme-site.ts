/** ACME replicas under test, and the listeners an authority looks at. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createSecureContext, createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { AcmeConfig } from '../../src/config/acme.ts';
import type { ChallengeSnapshot } from '../../src/control/acme/challenges.ts';
import { noChallenges } from '../../src/control/acme/challenges.ts';
import type { HeldCertificate } from '../../src/control/acme/holdings.ts';
import { AcmeManager, type AcmeOptions } from '../../src/control/acme/manager.ts';
import type { Store } from '../../src/control/store/store.ts';
import type { Pebble } from './pebble.ts';
import { eventually } from './process.ts';

export function acmeConfig(
  pebble: Pick<Pebble, 'directory' | 'caFile'>,
  changes: Partial<AcmeConfig> = {},
): AcmeConfig {
  return {
    ...{
      email: 'ops@example.com',
      directory: pebble.directory,
      agreeTerms: true,
      caFile: pebble.caFile,
      eab: null,
    },
    ...{
      names: [],
      store: { kind: 'file', prefix: 'fairlead', secret: null, redisUrl: null },
      challenges: ['http-01'],
    },
    ...{
      dns: null,
      onDemand: null,
      keyType: 'ec256',
      profile: null,
      preferredChain: null,
      privateNames: false,
    },
    ...{ ordersPerHour: 1000, ordersAtOnce: 4, settleMs: 20 },
    ...changes,
  };
}

/** One replica and what it has told so far. */
export interface Replica {
  readonly manager: AcmeManager;
  certificates: readonly HeldCertificate[];
  challenges: ChallengeSnapshot;
  readonly log: string[];
  /** The certificate for a name. */
  of(name: string): HeldCertificate | undefined;
}

export async function startReplica(
  config: AcmeConfig,
  store: Store,
  options: Partial<AcmeOptions> = {},
): Promise<Replica> {
  const log: string[] = [];
  const note = (fields: unknown, message?: string): void =>
    void log.push(`${message ?? ''} ${JSON.stringify(fields)}`);
  const replica: Replica = {
    ...{ certificates: [], challenges: noChallenges, log },
    of: (name) => replica.certificates.find(({ names }) => names.includes(name)),
    manager: new AcmeManager({
      ...{ config, store, localStore: null, lockMs: 3000 },
      log: { info: note, warn: note, error: note } as AcmeOptions['log'],
      onCertificates: (certificates) => {
        replica.certificates = certificates;
      },
      onChallenges: (challenges) => {
        replica.challenges = challenges;
      },
      ...options,
    }),
  };
  await replica.manager.start();
  return replica;
}

export interface Responder {
  /** Paths and names that were asked for. */
  readonly asked: string[];
  stop(): Promise<void>;
}

/** Ports 80 and 443 of a fleet: each request is answered by the next replica, whichever placed the order. */
export async function startResponder(pebble: Pebble, replicas: () => readonly Replica[]): Promise<Responder> {
  const asked: string[] = [];
  const next = (): ChallengeSnapshot => {
    const all = replicas();
    return all[asked.length % Math.max(1, all.length)]?.challenges ?? noChallenges;
  };
  const web = createServer((request, response) => {
    const challenges = next();
    asked.push(`${request.url}`);
    const token = /^\/\.well-known\/acme-challenge\/([\w-]+)$/.exec(request.url ?? '')?.[1] ?? '';
    const body = challenges.http.get(token);
    response.writeHead(body === undefined ? 404 : 200).end(body ?? '');
  });
  const secure = createTlsServer({
    ALPNCallback: ({ protocols }) => (protocols.includes('acme-tls/1') ? 'acme-tls/1' : undefined),
    SNICallback: (name, done) => {
      const found = next().tls.get(name);
      asked.push(`tls ${name}`);
      if (found === undefined) done(new Error('no such challenge'));
      else done(null, createSecureContext({ cert: found.certPem, key: found.keyPem }));
    },
  });
  secure.on('tlsClientError', () => {});
  await Promise.all([bound(web, pebble.httpPort), bound(secure, pebble.tlsPort)]);
  return {
    asked,
    async stop() {
      await Promise.all([web, secure].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

async function bound(server: Server | TlsServer, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

/** Awaits the certificate for a name; what the replica had to say is in the failure message. */
export async function certificateFor(replica: Replica, name: string): Promise<HeldCertificate> {
  const found = (): HeldCertificate => {
    const held = replica.of(name);
    if (held === undefined) throw new Error(`none yet\n${replica.log.slice(-5).join('\n')}`);
    return held;
  };
  return eventually(found, { timeoutMs: 15_000, what: `a certificate for ${name}` });
}
