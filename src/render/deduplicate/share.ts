import type { Clock } from '../../control/providers/clock.ts';
import type { Log } from '../../control/providers/fault-log.ts';
import { keepLease } from '../../control/store/keep-lease.ts';
import { type Entry, type Lease, type Store, StoreError } from '../../control/store/store.ts';
import { pack, unpack } from './bulletin.ts';
import type { SharedData } from './shared-data.ts';

const LOCK = 'lock';
const DATA = 'data';
/** How long followers wait for a leader's word before they ask Consul themselves. */
const GRACE_MS = 5_000;
/** For giving the lock back. */
const CLOSE_MS = 2_000;
/** Between two writes: each one goes through the servers' log. */
const PUBLISH_EVERY_MS = 250;

export interface ShareOptions {
  /** Of this template alone. */
  readonly store: Store;
  readonly data: SharedData;
  readonly template: string;
  /** For as long a leader that died may be missed, and once more: so Consul counts. */
  readonly lockMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly onChange: (ids: ReadonlySet<string>) => void;
}

/**
 * One template's part in a fleet: who gets the lock asks Consul and tells the others, who follow. Nothing that fails
 * here keeps a file from being rendered: without a word that makes sense everybody asks for itself.
 */
export class Share {
  readonly #options: ShareOptions;
  readonly #life = new AbortController();
  readonly #running: Promise<void>;
  /** Wakes those who wait for the lock. */
  #look = new AbortController();
  #lease: Lease | null = null;
  /** The highest that was heard of. */
  #token = 0;
  #published = '';
  #publishing: Promise<void> | null = null;
  #isStale = false;
  #reading: Promise<void> = Promise.resolve();
  #grace = new AbortController();
  #trouble = '';

  constructor(options: ShareOptions) {
    this.#options = options;
    const { signal } = this.#life;
    const onFault = (message: string): void => this.#tell(message);
    const onChange = (entries: readonly Entry[]): void => {
      // One after the other: unpacking takes its time.
      this.#reading = this.#reading.then(() => this.#read(entries));
    };
    options.store.watch(DATA, { onChange, onFault }, signal);
    this.#awaitWord();
    this.#running = this.#campaign();
  }

  /** Our own answers, or what is asked for, may be others than before. */
  changed(): void {
    this.#isStale = true;
    this.#publishing ??= this.#publish().finally(() => {
      this.#publishing = null;
      // Told between its last look and its end.
      if (this.#isStale) this.changed();
    });
  }

  /** Lets others in at once. */
  async close(): Promise<void> {
    this.#life.abort();
    this.#grace.abort();
    const { clock, store } = this.#options;
    const late = new AbortController();
    // A store that does not answer must not hold up the end; what cannot be given back runs out.
    await Promise.race([this.#running, clock.sleep(CLOSE_MS, late.signal)]);
    late.abort();
    await store.close();
  }

  async #campaign(): Promise<void> {
    const { clock, lockMs, store } = this.#options;
    const { signal } = this.#life;
    while (!signal.aborted) {
      const lease = await store.lock(LOCK, lockMs).catch((error: Error) => {
        this.#tell(error.message);
        return null;
      });
      if (lease !== null) await this.#lead(lease);
      if (signal.aborted) return;
      this.#look = new AbortController();
      await clock.sleep((0.5 + clock.random()) * (lockMs / 3), AbortSignal.any([signal, this.#look.signal]));
      // Many have been woken by the same word.
      if (this.#look.signal.aborted) await clock.sleep(clock.random() * 500, signal);
    }
  }

  async #lead(lease: Lease): Promise<void> {
    const { data, lockMs, log, template } = this.#options;
    const end = AbortSignal.any([lease.lost, this.#life.signal]);
    this.#token = Math.max(this.#token, lease.token);
    this.#grace.abort();
    log.info({ template }, 'asks Consul for all who share this template');
    const keeping = keepLease(lease, lockMs, end);
    data.askOurselves();
    // What a leader of yesterday left must not be taken for news of this one. Only then is anything published.
    await this.#write(lease, null);
    this.#lease = lease;
    this.changed();
    if (!end.aborted) await new Promise((resolve) => end.addEventListener('abort', resolve, { once: true }));
    this.#lease = null;
    await keeping;
    await this.#publishing;
    if (!lease.lost.aborted) await this.#write(lease, null);
    await lease.release();
    log.info({ template }, 'no longer asks Consul for all who share this template');
  }

  async #publish(): Promise<void> {
    const { clock, data } = this.#options;
    while (this.#isStale) {
      this.#isStale = false;
      const lease = this.#lease;
      const answers = lease === null || data.origin !== 'own' ? null : data.answers();
      if (lease === null || answers === null) return;
      const startMs = clock.now();
      const isWritten = await this.#write(lease, answers);
      this.#isStale ||= !isWritten && this.#lease === lease;
      const leastMs = isWritten ? PUBLISH_EVERY_MS : 4 * PUBLISH_EVERY_MS;
      // What is large takes longer to pack: that must not become all that this process does.
      await clock.sleep(Math.max(leastMs, 4 * (clock.now() - startMs)), this.#life.signal);
    }
  }

  /** False where it is worth another attempt. */
  async #write(lease: Lease, answers: ReadonlyMap<string, unknown> | null): Promise<boolean> {
    const text = await pack({ token: lease.token, answers });
    if (text === this.#published) return true;
    try {
      await this.#options.store.put(DATA, text);
      this.#published = text;
      this.#trouble = '';
      return true;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#tell(error.message);
      // Too large to be shared: what is there is old, and each must ask for itself.
      if (error.code === 'bad_value' && answers !== null) return this.#write(lease, null);
      return error.code === 'bad_value';
    }
  }

  async #read(entries: readonly Entry[]): Promise<void> {
    const { data, log, onChange, template } = this.#options;
    this.#trouble = '';
    const entry = entries.find(({ key }) => key === DATA);
    const bulletin = entry === undefined ? null : await unpack(entry.value);
    if (this.#lease !== null || this.#life.signal.aborted) return;
    if (bulletin !== null && bulletin.token < this.#token) return;
    if (bulletin === null || bulletin.answers === null) {
      // Nobody leads, or somebody new does: see which.
      this.#look.abort();
      return this.#awaitWord();
    }
    this.#token = bulletin.token;
    this.#grace.abort();
    if (data.origin !== 'leader') log.info({ template }, 'follows the process that asks Consul for all');
    onChange(data.follow(bulletin.answers));
  }

  /** What was told before stays meanwhile. */
  #awaitWord(): void {
    this.#grace.abort();
    const grace = new AbortController();
    this.#grace = grace;
    void this.#options.clock.sleep(GRACE_MS, grace.signal).then(() => {
      if (!grace.signal.aborted) this.#options.data.askOurselves();
    });
  }

  /** The same trouble once. */
  #tell(message: string): void {
    if (message === this.#trouble || this.#life.signal.aborted) return;
    this.#trouble = message;
    const { log, template } = this.#options;
    log.warn({ template, reason: message }, 'what this template needs cannot be shared now');
  }
}
