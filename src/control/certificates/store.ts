import type { Certificate } from '../../../tls/certificate.ts';
import type { ToWorker } from '../../shared/messages.ts';
import type { Log } from '../log.ts';
import { chooseLive, dateOf, type LiveSet, type LiveSetOptions } from './live-set.ts';
import type { CertificateSource, RefusedCertificate } from './source.ts';

type CertificatesMessage = Extract<ToWorker, { type: 'certificates' }>;

export interface CertificateStoreOptions extends LiveSetOptions {
  /** The order decides which certificate is the first one. */
  readonly sources: readonly CertificateSource[];
  readonly log: Log;
  /** Tells the workers that run. */
  readonly broadcast: (message: CertificatesMessage) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Sources that are slower than this do not hold up the start. */
const FIRST_LOOK_MS = 3_000;
const TICK_MS = 1_000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Renewal has failed for weeks by then; time is left to do something about it. */
const WARN_BEFORE_MS = 14 * DAY_MS;
/** Of a life that is short; half of it is left when such certificates are renewed. */
const WARN_SHARE = 1 / 4;
/** More than these at once are told as a number. */
const MOST_LINES = 20;

interface Given {
  readonly set: readonly Certificate[];
  readonly refused: readonly RefusedCertificate[];
}

/** Everything the sources have becomes one set, and every worker gets what changed in it. */
export class CertificateStore {
  readonly #options: CertificateStoreOptions;
  readonly #now: () => number;
  readonly #given: (Given | null)[];
  readonly #watching: Promise<void>[] = [];
  #live: LiveSet = { set: [], refused: [], defaultId: null, nextChangeMs: Number.POSITIVE_INFINITY };
  #refused: readonly RefusedCertificate[] = [];
  /** Ids that people were told of already. */
  #warned = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #isSeen: () => void = () => {};

  constructor(options: CertificateStoreOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#given = options.sources.map(() => null);
  }

  get live(): readonly Certificate[] {
    return this.#live.set;
  }

  get refused(): readonly RefusedCertificate[] {
    return this.#refused;
  }

  get defaultId(): string | null {
    return this.#live.defaultId;
  }

  /** Resolves when every source has told what it has, or after a few seconds; later ones are heard all the same. */
  async start(signal: AbortSignal): Promise<void> {
    if (this.#options.sources.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#isSeen = resolve;
    for (const [index, source] of this.#options.sources.entries()) {
      const watching = source.watch((set, refused) => this.#take(index, { set, refused }), signal);
      this.#watching.push(Promise.resolve(watching));
    }
    this.#timer = setInterval(() => this.tick(), TICK_MS).unref();
    signal.addEventListener('abort', () => clearInterval(this.#timer!));
    const limit = setTimeout(resolve, FIRST_LOOK_MS);
    await promise;
    clearTimeout(limit);
  }

  /** Resolves when every source has ended, after the signal of `start` aborted. */
  async ended(): Promise<void> {
    await Promise.all(this.#watching);
  }

  /** What time changes: certificates that begin, end, or near their end. */
  tick(): void {
    if (this.#now() >= this.#live.nextChangeMs) this.#publish();
    this.#warnOfExpiry();
  }

  /** Everything, for a fresh worker. */
  full(): CertificatesMessage {
    const { set, defaultId } = this.#live;
    return { type: 'certificates', set, drop: [], reset: true, defaultId };
  }

  #take(index: number, given: Given): void {
    this.#given[index] = given;
    this.#publish();
    if (this.#given.every((each) => each !== null)) this.#isSeen();
  }

  #publish(): void {
    const before = this.#live;
    const given = this.#given.flatMap((each) => each?.set ?? []);
    this.#live = chooseLive(given, this.#options, this.#now());
    const refused = [...this.#given.flatMap((each) => each?.refused ?? []), ...this.#live.refused];
    this.#tellRefused(refused);
    this.#refused = refused;
    const known = new Set(before.set.map(({ id }) => id));
    const current = new Set(this.#live.set.map(({ id }) => id));
    const set = this.#live.set.filter(({ id }) => !known.has(id));
    const gone = before.set.filter(({ id }) => !current.has(id));
    const { defaultId } = this.#live;
    if (set.length === 0 && gone.length === 0 && defaultId === before.defaultId) return;
    this.#options.broadcast({
      type: 'certificates',
      set,
      drop: gone.map(({ id }) => id),
      reset: false,
      defaultId,
    });
    this.#tellEach('info', set, 'certificate is served', describe);
    this.#tellEach('info', gone, 'certificate is not served any more', describe);
    this.#warnOfExpiry();
  }

  #tellRefused(refused: readonly RefusedCertificate[]): void {
    const keyOf = ({ source, reason }: RefusedCertificate): string => `${source}\n${reason}`;
    const before = new Set(this.#refused.map(keyOf));
    const news = refused.filter((each) => !before.has(keyOf(each)));
    this.#tellEach('warn', news, 'certificate is set aside', (each) => ({ ...each }));
  }

  #warnOfExpiry(): void {
    const nowMs = this.#now();
    const near = this.#live.set.filter((each) => each.notAfterMs - nowMs < warnBefore(each));
    const news = near.filter(({ id }) => !this.#warned.has(id));
    this.#warned = new Set(near.map(({ id }) => id));
    this.#tellEach('warn', news, 'certificate expires soon or has expired', describe);
  }

  #tellEach<T>(
    level: 'info' | 'warn',
    items: readonly T[],
    message: string,
    fields: (item: T) => object,
  ): void {
    for (const item of items.slice(0, MOST_LINES)) this.#options.log[level](fields(item), message);
    if (items.length > MOST_LINES) this.#options.log[level]({ more: items.length - MOST_LINES }, message);
  }
}

function warnBefore({ notBeforeMs, notAfterMs }: Certificate): number {
  return Math.min(WARN_BEFORE_MS, (notAfterMs - notBeforeMs) * WARN_SHARE);
}

function describe({ names, source, notAfterMs }: Certificate): object {
  return { names: names.slice(0, 5), source, notAfter: dateOf(notAfterMs) };
}
