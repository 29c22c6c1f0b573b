import { hash } from 'node:crypto';
import type { WatchContext } from '../../control/providers/blocking-query.ts';
import type { Read } from '../../control/providers/consul-client.ts';
import { BadAnswer, type Fault, fault, Unconfirmed } from '../../control/providers/fault.ts';

export interface PollOptions {
  readonly path: string;
  readonly everyMs: number;
  /** A 404 is data. */
  readonly absent: boolean;
  /** As in a blocking query. */
  accept(read: Read): Promise<void> | void;
}

/** Reads again and again: for what does not block, and for watches beyond the number of connections. */
export async function poll(context: WatchContext, options: PollOptions, signal: AbortSignal): Promise<void> {
  const { clock, gate } = context;
  let content = '';
  let failures = 0;
  while (!signal.aborted) {
    await gate.pass(signal);
    if (signal.aborted) return;
    const result = await context.client.read(options.path, { signal, absent: options.absent });
    if (signal.aborted) return;
    gate.report(result);
    let cause: Fault | null = result.kind === 'error' ? result : null;
    if (result.kind === 'ok') {
      const digest = result.body === null ? 'absent' : hash('sha1', result.body);
      try {
        if (digest !== content) await options.accept(result);
        content = digest;
      } catch (error) {
        cause = faultOf(error);
      }
    }
    if (cause === null) {
      failures = 0;
      context.onAnswer(options.path);
    } else {
      content = '';
      context.onFault(options.path, cause, ++failures);
    }
    // Spread, so that many of them do not come together.
    await clock.sleep(options.everyMs * (0.9 + clock.random() * 0.2), signal);
  }
}

function faultOf(error: unknown): Fault {
  if (error instanceof Unconfirmed) return error.fault;
  return fault('bad_answer', error instanceof BadAnswer ? error.message : String((error as Error).stack));
}
