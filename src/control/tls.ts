import type { Delta } from '../../router/model.ts';
import type { Config } from '../config/config.ts';
import type { ToWorker, WorkerTls } from '../shared/messages.ts';
import { AcmeSource } from './acme/acme-source.ts';
import { CertificateCopies } from './certificates/copies.ts';
import { createSources } from './certificates/create-sources.ts';
import { LocalCaSource } from './certificates/local-ca.ts';
import { CertificateStore } from './certificates/store.ts';
import type { Log } from './log.ts';
import { RouteHosts } from './route-hosts.ts';
import { TicketKeys } from './ticket-keys.ts';

export interface TlsControlOptions {
  readonly config: Config;
  /** Folder of an authority of this machine that certifies every host; null for none. */
  readonly localCa: string | null;
  readonly log: Log;
  /** Counts faults of Consul by kind. */
  readonly onConsulError: (kind: string) => void;
  /** Resolves when the listeners are bound. */
  readonly listening: Promise<void>;
  /** Tells the workers that run. */
  readonly broadcast: (message: ToWorker) => void;
}

/** A source that does not end in time (a store that hangs) must not hold up the end of the process. */
const END_MS = 2_000;

/** All that TLS needs on the main thread: certificates from every source, challenges of ACME, the key of tickets. */
export class TlsControl {
  readonly certificates: CertificateStore;
  readonly acme: AcmeSource | null;
  #config: Pick<Config, 'tls' | 'acme'>;
  readonly #copies: CertificateCopies;
  readonly #broadcast: TlsControlOptions['broadcast'];
  readonly #ticketKeys: TicketKeys;
  readonly #hosts: readonly RouteHosts[];

  constructor({ config, localCa: folder, log, onConsulError, listening, broadcast }: TlsControlOptions) {
    this.#config = config;
    this.#broadcast = broadcast;
    const { acme, consul, dataDir, tls } = config;
    this.acme = acme && new AcmeSource({ acme, consul, dataDir, log, listening, broadcast });
    const localCa = folder === null ? null : new LocalCaSource(folder);
    const copies = new CertificateCopies(dataDir);
    this.#copies = copies;
    const named = createSources(config, process.cwd(), { log, onConsulError, copies });
    this.certificates = new CertificateStore({
      sources: [copies, ...named, ...(this.acme ? [this.acme] : []), ...(localCa ? [localCa] : [])],
      defaultName: tls.defaultName,
      isStrict: tls.strict,
      log,
      broadcast,
    });
    this.#hosts = [
      // A host that is also served without TLS may well have no way for an authority to reach it.
      new RouteHosts(
        ({ options }) => options.https !== undefined,
        (hosts) => this.acme?.want(hosts),
      ),
      new RouteHosts(
        () => true,
        (hosts) => localCa?.want(hosts),
      ),
    ];
    this.#ticketKeys = new TicketKeys(broadcast);
  }

  /** Resolves when what is there at once can be served. */
  async start(signal: AbortSignal): Promise<void> {
    await this.certificates.start(signal);
  }

  /** Routes have changed, and with them the names to have certificates for. */
  apply(delta: Pick<Delta, 'routes'>): void {
    for (const hosts of this.#hosts) hosts.apply(delta);
  }

  /** Takes over what can change while running: client certificates, HSTS, where clients are redirected to. */
  reconfigure({ tls: { clientAuth, hsts, redirectPort } }: Config, listeners: Config['listeners']): void {
    this.#config = { ...this.#config, tls: { ...this.#config.tls, clientAuth, hsts, redirectPort } };
    this.#broadcast({ type: 'tls', tls: this.workerTls(listeners) });
  }

  get clientAuth(): Config['tls']['clientAuth'] {
    return this.#config.tls.clientAuth;
  }

  /** What a fresh worker must know before it listens. */
  greeting(listeners: Config['listeners']): readonly ToWorker[] {
    const challenges = this.acme === null ? [] : [this.acme.challenges()];
    const rules: ToWorker = { type: 'tls', tls: this.workerTls(listeners) };
    return [rules, this.#ticketKeys.message(), this.certificates.full(), ...challenges];
  }

  workerTls(listeners: Config['listeners']): WorkerTls {
    const { tls, acme } = this.#config;
    return {
      clientAuth: tls.clientAuth,
      hsts: tls.hsts,
      // Without a listener of ours somebody in front ends TLS, at the usual port.
      redirectPort:
        tls.redirectPort ?? listeners.find(({ protocol }) => protocol === 'https')?.address.port ?? 443,
      tellsUnknownNames: acme !== null && acme.onDemand !== null,
    };
  }

  /** After the signal of `start` aborted: resolves when sources have let go of what they hold. */
  async close(): Promise<void> {
    this.#ticketKeys.close();
    const limit = new Promise((resolve) => setTimeout(resolve, END_MS).unref());
    await Promise.race([this.certificates.ended(), limit]);
    this.#copies.close();
  }
}
