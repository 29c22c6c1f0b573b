import type { WatchContext } from './blocking-query.ts';
import { checkSignatures } from './checks.ts';
import { BadAnswer, fault } from './fault.ts';

export const SURVEY_PATH = '/v1/health/state/any';
const MIN_GAP_MS = 1000;
/** The share of time a survey may take of the agent and of us: one twentieth. */
const GAP_FACTOR = 20;

/**
 * Reads all checks once and says which services gained or lost any. Wanted often, done rarely: requests that come
 * while one runs, or too soon after it, become one.
 */
export interface Survey {
  request(): void;
}

/** The first survey finds nothing: it is what later ones are compared with. */
export function createSurvey(
  context: WatchContext,
  found: (services: readonly string[]) => void,
  signal: AbortSignal,
): Survey {
  let known: ReadonlyMap<string, number> | null = null;
  let wanted = false;
  let running = false;

  async function survey(): Promise<void> {
    await context.gate.pass(signal);
    const result = await context.client.read(SURVEY_PATH, { signal });
    context.gate.report(result);
    if (result.kind === 'error') return failed(result);
    try {
      const now = checkSignatures(result.body ?? Buffer.alloc(0));
      const before = known;
      known = now;
      context.onAnswer(SURVEY_PATH);
      if (before !== null) found(differences(before, now));
    } catch (error) {
      if (!(error instanceof BadAnswer)) throw error;
      failed(fault('bad_answer', error.message));
    }
  }

  /** Tried again after the gap; the slow refresh of everything finds the change meanwhile. */
  function failed(cause: Parameters<WatchContext['onFault']>[1]): void {
    if (cause.code === 'aborted') return;
    wanted = true;
    context.onFault(SURVEY_PATH, cause, 1);
  }

  async function run(): Promise<void> {
    running = true;
    while (wanted && !signal.aborted) {
      wanted = false;
      const startedAt = context.clock.now();
      await survey();
      const took = context.clock.now() - startedAt;
      await context.clock.sleep(Math.max(MIN_GAP_MS, GAP_FACTOR * took), signal);
    }
    running = false;
  }

  return {
    request() {
      wanted = true;
      if (!running) void run();
    },
  };
}

function differences(
  before: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
): readonly string[] {
  const changed = [...now].filter(([name, value]) => before.get(name) !== value).map(([name]) => name);
  for (const name of before.keys()) if (!now.has(name)) changed.push(name);
  return changed;
}
