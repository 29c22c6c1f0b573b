import type { Clock } from './clock.ts';
import type { Gate } from './gate.ts';

/** Knows when every service was read once. */
export interface Completion {
  /** The services that are followed now; the first call starts the wait. */
  expect(names: ReadonlySet<string>): void;
  answered(name: string): void;
  reached(): boolean;
}

/** A service whose reads fail this long is left behind. */
const PATIENCE_MS = 10_000;
const LOOK_EVERY_MS = 500;

/**
 * Calls `complete` once, with the names that could not be read: they are left behind only while the source as a whole
 * answers and each of them has failed, so that an outage right after the start is not taken for completeness.
 */
export function createCompletion(
  clock: Clock,
  gate: Gate,
  isFailing: (name: string) => boolean,
  complete: (unknown: readonly string[]) => void,
  signal: AbortSignal,
): Completion {
  const answered = new Set<string>();
  let expected: ReadonlySet<string> | null = null;
  let reached = false;

  function missing(): string[] {
    return [...(expected ?? [])].filter((name) => !answered.has(name));
  }

  function reach(unknown: readonly string[]): void {
    if (reached || signal.aborted) return;
    reached = true;
    answered.clear();
    complete(unknown);
  }

  async function leaveBehind(): Promise<void> {
    await clock.sleep(PATIENCE_MS, signal);
    while (!reached && !signal.aborted) {
      const unknown = missing();
      if (gate.isOpen() && unknown.every(isFailing)) reach(unknown);
      else await clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  return {
    expect(names) {
      if (reached) return;
      if (expected === null) void leaveBehind();
      expected = names;
      if (missing().length === 0) reach([]);
    },
    answered(name) {
      if (reached) return;
      answered.add(name);
      // Cheap first: with thousands of services the full look is taken only when the numbers allow it.
      if (expected !== null && answered.size >= expected.size && missing().length === 0) reach([]);
    },
    reached: () => reached,
  };
}
