import { once } from 'node:events';
import { readCertificate } from '../../../tls/certificate.ts';
import type { AcmeConfig } from '../../config/acme.ts';
import type { ConsulConfig } from '../../config/config.ts';
import type { ToWorker } from '../../shared/messages.ts';
import { type Item, Keeper } from '../certificates/keeper.ts';
import type { CertificateSource, OnCertificates } from '../certificates/source.ts';
import type { Log } from '../log.ts';
import type { Sample } from '../metrics.ts';
import { type ChallengeSnapshot, noChallenges } from './challenges.ts';
import type { HeldCertificate } from './holdings.ts';
import { AcmeManager } from './manager.ts';
import { openCopy, openShared } from './open-stores.ts';

type ChallengesMessage = Extract<ToWorker, { type: 'challenges' }>;

export interface AcmeSourceOptions {
  readonly acme: AcmeConfig;
  readonly consul: ConsulConfig;
  readonly dataDir: string;
  readonly log: Log;
  /** Listeners are bound: an authority that looks will find somebody. */
  readonly listening: Promise<void>;
  /** Tells the workers that run. */
  readonly broadcast: (message: ChallengesMessage) => void;
}

/** Certificates by ACME as one of the certificate store's sources, with the stores they live in. */
export class AcmeSource implements CertificateSource {
  readonly name = 'acme';
  readonly #options: AcmeSourceOptions;
  readonly #keeper = new Keeper();
  #manager: AcmeManager | null = null;
  #hosts: readonly string[] = [];
  #challenges: ChallengeSnapshot = noChallenges;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: AcmeSourceOptions) {
    this.#options = options;
  }

  async watch(onCertificates: OnCertificates, signal: AbortSignal): Promise<void> {
    const { acme, log } = this.#options;
    const tell: OnCertificates = (set, refused) => {
      if (!signal.aborted) onCertificates(set, refused);
    };
    try {
      await this.#run(tell, signal);
    } catch (error) {
      const reason = `the ${acme.store.kind} store: ${(error as Error).message}`;
      log.error({ reason }, 'no certificates can be ordered');
      tell([], [{ source: this.name, reason }]);
    }
  }

  async #run(tell: OnCertificates, signal: AbortSignal): Promise<void> {
    const { acme: config, consul, dataDir, log, listening, broadcast } = this.#options;
    const shared = openShared(config.store, consul, dataDir);
    const local = openCopy(config.store, dataDir, log);
    const manager = new AcmeManager({
      ...{ config, store: shared, localStore: local, log, listening },
      onCertificates: (held) => this.#serve(held, tell),
      onChallenges: (challenges) => {
        this.#challenges = challenges;
        broadcast(this.challenges());
      },
    });
    this.#manager = manager;
    manager.want(this.#hosts);
    await manager.start();
    if (!signal.aborted) await once(signal, 'abort');
    await manager.stop();
    await Promise.all([shared.close(), local?.close()]);
  }

  /** One after the other: reading many takes turns with other work. */
  #serve(held: readonly HeldCertificate[], tell: OnCertificates): void {
    const items = held.map(({ id, names, certPem, keyPem }): [string, Item] => [
      id,
      { source: `acme ${names[0]}`, certPem, keyPem },
    ]);
    this.#reading = this.#reading.then(async () => {
      const { set, refused } = await this.#keeper.take(new Map(items));
      tell(set, refused);
    });
  }

  /** The hosts of routes to have certificates for; all of them each time. */
  want(hosts: readonly string[]): void {
    this.#hosts = hosts;
    this.#manager?.want(hosts);
  }

  /** Somebody connects with a name that no certificate has. */
  async requested(name: string): Promise<void> {
    const permission = await this.#manager?.requestOnDemand(name);
    if (permission?.allowed === false)
      this.#options.log.debug({ name, reason: permission.reason }, 'no certificate is ordered on demand');
  }

  /** What an authority may ask for now, for all workers or a fresh one. */
  challenges(): ChallengesMessage {
    const { http, tls } = this.#challenges;
    return {
      type: 'challenges',
      tokens: [...http].map(([token, keyAuthorization]) => ({ token, keyAuthorization })),
      certificates: [...tls].flatMap(([name, { certPem, keyPem }]) => {
        const read = readCertificate(certPem, keyPem, `challenge for ${name}`);
        return read.ok ? [read.certificate] : [];
      }),
    };
  }

  /** What became of each wanted name; null while there is no store. */
  status(): ReturnType<AcmeManager['status']> | null {
    return this.#manager?.status() ?? null;
  }

  orders(): Sample[] {
    return this.#manager?.orders.samples('result') ?? [];
  }

  errors(): Sample[] {
    return this.#manager?.errors.samples('type') ?? [];
  }
}
