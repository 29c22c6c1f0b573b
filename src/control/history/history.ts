import type { Delta } from '../../../router/model.ts';
import type { Replaced } from '../../../router/planner.ts';
import { describeCauses } from './causes.ts';
import { type ChangesContext, changesOf } from './changes.ts';
import type { Cause, HistoryEntry } from './entry.ts';
import type { Since } from './since.ts';
import type { HistoryRecord, HistoryStore } from './store.ts';

export const MAX_ENTRIES = 1_000;
/** Of their JSON; an ordinary entry has half a kilobyte. */
const MAX_CHARS = 4 * 1024 * 1024;
/** Readers wait so long for an entry to be live everywhere; a worker that is busy or dies keeps nobody longer. */
const SETTLE_MS = 250;

/**
 * Every change of the table with its cause, the latest in memory and all that are worth keeping on disk. The publisher
 * notes what came in; only when that has changed something, an entry is made of it.
 */
export class History {
  readonly #context: ChangesContext;
  #store: HistoryStore | null = null;
  #causes: Cause[] = [];
  /** Settled ones, oldest first. */
  #records: HistoryRecord[] = [];
  #chars = 0;
  /** Not yet live everywhere, as far as is known: told to nobody so far. */
  #unsettled: { entry: HistoryEntry; atMs: number; isLive: boolean }[] = [];
  #timer: NodeJS.Timeout | null = null;
  #isLoaded = false;
  readonly #readers = new Set<(record: HistoryRecord) => void>();

  constructor(context: ChangesContext) {
    this.#context = context;
  }

  /** Goes on with what earlier lives have written. */
  open(store: HistoryStore): void {
    this.#store = store;
  }

  /** Something came in that may change the table. */
  note(cause: Cause): void {
    this.#causes.push(cause);
  }

  /** What was noted has been worked out; an empty difference is not worth an entry. */
  committed(version: number, delta: Delta, replaced: Replaced): void {
    const causes = this.#causes;
    this.#causes = [];
    if (isEmpty(delta)) return;
    const atMs = Date.now();
    const { changes, omitted } = changesOf(delta, replaced, causes, this.#context);
    const entry = {
      version,
      at: new Date(atMs).toISOString(),
      cause: describeCauses(causes, this.#context.outputOf),
      changes,
      ...(omitted > 0 && { omitted }),
      lagMs: null,
    };
    this.#unsettled.push({ entry, atMs, isLive: false });
    this.#timer ??= setTimeout(() => this.#settleAll(), SETTLE_MS).unref();
  }

  /** A version is live in every worker. */
  live(version: number, lagMs: number): void {
    const rounded = Math.round(lagMs * 100) / 100;
    const waiting = this.#unsettled.find(({ entry }) => entry.version === version);
    if (waiting === undefined) return this.#correct(version, rounded);
    waiting.entry = { ...waiting.entry, lagMs: rounded };
    waiting.isLive = true;
    while (this.#unsettled[0]?.isLive) this.#settle();
  }

  /** Oldest first. Null when what follows that version is not known any more, or not known yet. */
  after(version: number, present: number): HistoryRecord[] | null {
    this.#load();
    const oldest = this.#records[0]?.version ?? present + 1;
    if (version > present || version < oldest - 1) return null;
    return this.#records.filter((record) => record.version > version);
  }

  /** Oldest first, those that are not live yet included. */
  since(since: Since): readonly string[] {
    this.#load();
    const unsettled = this.#unsettled.map(({ entry, atMs }) => recordOf(entry, atMs));
    return [...this.#records, ...unsettled]
      .filter((record) => isSince(record, since))
      .map(({ text }) => text);
  }

  /** Every further entry, in order. */
  follow(reader: (record: HistoryRecord) => void): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  close(): void {
    this.#settleAll();
    this.#store?.close();
  }

  #settleAll(): void {
    while (this.#unsettled.length > 0) this.#settle();
  }

  #settle(): void {
    const { entry, atMs } = this.#unsettled.shift()!;
    if (this.#unsettled.length === 0 && this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    const record = recordOf(entry, atMs);
    this.#records.push(record);
    this.#chars += record.text.length;
    this.#trim();
    this.#store?.save(record);
    for (const reader of this.#readers) reader(record);
  }

  /** A worker was late: the entry has been told without its lag. */
  #correct(version: number, lagMs: number): void {
    const at = this.#records.findLastIndex((record) => record.version === version);
    if (at < 0) return;
    const { atMs, text } = this.#records[at]!;
    const record = recordOf({ ...(JSON.parse(text) as HistoryEntry), lagMs }, atMs);
    this.#chars += record.text.length - text.length;
    this.#records[at] = record;
    this.#store?.save(record);
  }

  #trim(): void {
    while (this.#records.length > MAX_ENTRIES || this.#chars > MAX_CHARS) {
      this.#chars -= this.#records.shift()!.text.length;
    }
  }

  /** Earlier lives are read when somebody asks for the first time. */
  #load(): void {
    if (this.#isLoaded || this.#store === null) return;
    this.#isLoaded = true;
    const first = this.#records[0] ?? this.#unsettled[0]?.entry;
    const below = first?.version ?? this.#store.lastVersion + 1;
    const earlier = this.#store.load(below, MAX_ENTRIES - this.#records.length);
    this.#records = [...earlier, ...this.#records];
    for (const { text } of earlier) this.#chars += text.length;
    this.#trim();
  }
}

function recordOf(entry: HistoryEntry, atMs: number): HistoryRecord {
  return { version: entry.version, atMs, text: JSON.stringify(entry) };
}

function isSince({ version, atMs }: HistoryRecord, since: Since): boolean {
  if (since.kind === 'version') return version > since.version;
  return since.kind === 'all' || atMs >= since.atMs;
}

export function isEmpty({ routes, pools }: Delta): boolean {
  return routes.set.length + routes.drop.length + pools.set.length + pools.drop.length === 0;
}
