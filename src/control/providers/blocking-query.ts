import { hash } from 'node:crypto';
import { fullJitter } from '../backoff.ts';
import type { Clock } from './clock.ts';
import type { ConsulClient, Read, ReadResult } from './consul-client.ts';
import { BadAnswer, type Fault, fault, isShared, Unconfirmed } from './fault.ts';
import type { Gate } from './gate.ts';
import { createPacer } from './pacing.ts';

/** What the watches of one provider share. */
export interface WatchContext {
  readonly client: Pick<ConsulClient, 'read'>;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly waitMs: number;
  /** A read succeeded and its content was understood. */
  onAnswer(path: string): void;
  /** A read told nothing; `failures` in a row. */
  onFault(path: string, cause: Fault, failures: number): void;
  /** The index went backwards: the source has restarted with less than it knew, or is another one. */
  onLostMemory(path: string, before: number, after: number): void;
}

export interface BlockingQueryOptions {
  readonly path: string;
  /** A 404 is data (`body: null`). */
  readonly absent?: boolean;
  /**
   * Called for content that differs from the last accepted one. Throws `BadAnswer` when it makes no sense and
   * `Unconfirmed` when a follow-up read failed: then nothing is accepted and the read is repeated. `reread` accepts
   * it, but not as the last word.
   */
  accept(read: Read): Promise<'accepted' | 'reread'> | 'accepted' | 'reread';
  /** Called for every understood answer, also when the content is the same; before `accept`'s effects settle. */
  moved?(index: number): void;
  /** Shortest gap between reads while answers keep coming; 100 ms unless given. */
  readonly floorMs?: number;
  /** Wait before the first read, to spread many starts. */
  readonly startAfterMs?: number;
}

export interface BlockingQuery {
  readonly done: Promise<void>;
  /** Give up the read in flight and ask again without waiting for a change. */
  nudge(): void;
}

const BACKOFF_BASE_MS = 100;
const BACKOFF_CAP_MS = 1500;

/** One read repeated until the signal aborts. It never gives up, whatever the answers are. */
export function startBlockingQuery(
  context: WatchContext,
  options: BlockingQueryOptions,
  signal: AbortSignal,
): BlockingQuery {
  const { clock, gate } = context;
  const pacer = createPacer(clock, options.floorMs);
  /** Sent with the next read; 0 sends none and is answered at once. */
  let next = 0;
  /** The highest the source has shown us since it last lost its memory. */
  let seen = 0;
  let content = '';
  let failures = 0;
  let nudged = false;
  let reading: AbortController | null = null;

  async function readOnce(): Promise<ReadResult> {
    const own = new AbortController();
    const stop = (): void => own.abort();
    reading = own;
    signal.addEventListener('abort', stop);
    try {
      return await context.client.read(options.path, {
        index: next,
        waitMs: context.waitMs,
        signal: own.signal,
        absent: options.absent === true,
      });
    } finally {
      reading = null;
      signal.removeEventListener('abort', stop);
    }
  }

  /** Index bookkeeping comes first, so that doubt is known before the content it casts doubt on. */
  async function take(read: Read): Promise<void> {
    const lost = read.index > 0 && read.index < seen;
    if (lost) context.onLostMemory(options.path, seen, read.index);
    const digest = read.body === null ? 'absent' : hash('sha1', read.body);
    let reread = false;
    if (digest !== content) {
      reread = (await options.accept(read)) === 'reread';
      content = reread ? '' : digest;
    }
    if (read.index > 0) seen = read.index;
    next = lost || reread ? 0 : read.index;
    options.moved?.(read.index);
  }

  async function failed(cause: Fault): Promise<void> {
    if (cause.code === 'aborted') return;
    failures += 1;
    // The next success must be known at once, not when something changes or the wait ends, and whatever it says.
    next = 0;
    content = '';
    context.onFault(options.path, cause, failures);
    // A first fault of the whole source waits at the gate only.
    if (isShared(cause.code) && failures === 1) return;
    await clock.sleep(fullJitter(failures - 1, BACKOFF_BASE_MS, BACKOFF_CAP_MS, clock.random), signal);
  }

  async function step(): Promise<void> {
    await gate.pass(signal);
    if (signal.aborted) return;
    if (nudged) {
      nudged = false;
      next = 0;
    }
    const result = await readOnce();
    if (signal.aborted) return;
    gate.report(result);
    if (result.kind === 'error') return failed(result);
    try {
      await take(result);
    } catch (error) {
      return failed(toFault(error));
    }
    failures = 0;
    context.onAnswer(options.path);
    await clock.sleep(pacer.delayAfter(result.index), signal);
  }

  async function run(): Promise<void> {
    await clock.sleep(options.startAfterMs ?? 0, signal);
    while (!signal.aborted) await step();
  }

  return {
    done: run(),
    nudge() {
      nudged = true;
      reading?.abort();
    },
  };
}

function toFault(error: unknown): Fault {
  if (error instanceof Unconfirmed) return error.fault;
  if (error instanceof BadAnswer) return fault('bad_answer', error.message);
  // A defect of ours must be seen, yet must not end the watch.
  return fault('bad_answer', `while taking the answer: ${(error as Error).stack ?? String(error)}`);
}
