import type { Clock } from './clock.ts';
import type { Fault } from './fault.ts';

export interface Log {
  warn(obj: object, msg: string): void;
  info(obj: object, msg: string): void;
  debug(obj: object, msg: string): void;
}

/** Remembers what is failing, and tells people without repeating itself. */
export interface FaultLog {
  fault(path: string, cause: Fault, failures: number): void;
  answer(path: string): void;
  /** Nobody reads this path any more. */
  forget(path: string): void;
  /** Paths whose last read failed. */
  failing(): ReadonlySet<string>;
  lastError(): string | null;
  /** `clock.now()` of the last good answer; null before the first. */
  lastAnswerAt(): number | null;
}

const SAY_EVERY_MS = 60_000;

/** Each kind of fault is logged at most once a minute, however many watches meet it. */
export function createFaultLog(log: Log, clock: Clock, onError: (kind: string) => void): FaultLog {
  const failing = new Set<string>();
  const saidAt = new Map<string, number>();
  let said = false;
  let lastError: string | null = null;
  let lastAnswerAt: number | null = null;

  return {
    fault(path, cause, failures) {
      onError(cause.code);
      failing.add(path);
      lastError = `${path}: ${cause.message}`;
      const now = clock.now();
      const before = saidAt.get(cause.code);
      if (before !== undefined && now - before < SAY_EVERY_MS) return;
      saidAt.set(cause.code, now);
      said = true;
      const { code, status, message } = cause;
      log.warn({ code, status, path, failures, error: message }, 'consul read failed; keeping what is known');
    },
    answer(path) {
      lastAnswerAt = clock.now();
      if (!failing.delete(path) || failing.size > 0 || !said) return;
      said = false;
      log.info({ path }, 'consul answers again');
    },
    forget: (path) => void failing.delete(path),
    failing: () => failing,
    lastError: () => lastError,
    lastAnswerAt: () => lastAnswerAt,
  };
}
