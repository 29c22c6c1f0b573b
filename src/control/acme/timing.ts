import { longestTimerMs } from '../../config/units.ts';
import { type Clock, systemClock } from '../providers/clock.ts';

/**
 * Certificates live by the calendar: here `now` is epoch milliseconds. Nobody sleeps for longer than an hour at a
 * time, so that a clock that is set right is noticed.
 */
export const wallClock: Clock = { ...systemClock, now: () => Date.now() };

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export interface Window {
  readonly start: number;
  readonly end: number;
}

/** Certificates that live for less are renewed at half of their life, the others at two thirds. */
const SHORT_LIFE_MS = 10 * day;
/** Spreads the fleet, and certificates that were issued together. */
const JITTER = 0.04;

/** When to renew while the authority gives no advice, in epoch milliseconds. `chance` is in [0, 1). */
export function renewalTime(notBefore: number, notAfter: number, chance: number): number {
  const life = Math.max(0, notAfter - notBefore);
  const share = life < SHORT_LIFE_MS ? 1 / 2 : 2 / 3;
  return Math.round(notBefore + life * (share - chance * JITTER));
}

/** A uniformly random instant of the window the authority suggests (RFC 9773 §4.2). */
export function pickInstant({ start, end }: Window, chance: number): number {
  return Math.round(start + Math.max(0, end - start) * chance);
}

/** RFC 9773 §4.3: bounds for what an authority asks for with `Retry-After`. */
export function nextAdviceCheck(now: number, retryAfterMs: number | null): number {
  return now + Math.min(day, Math.max(minute, retryAfterMs ?? 6 * hour));
}

/** The first failure is often a router or a record that was not there yet, and the next try is another challenge. */
const FIRST_RETRY_MS = 15_000;

/**
 * When to try again after so many failures in a row: 15 s, then 1 min, doubled each time, at most a day, a quarter of it
 * random; later when the authority says so. Let's Encrypt allows five failures of a name in an hour, and one more every
 * 12 min: this stays within it.
 */
export function retryTime(
  now: number,
  failures: number,
  retryAfterMs: number | null,
  chance: number,
): number {
  const full = failures < 2 ? FIRST_RETRY_MS : Math.min(day, minute * 2 ** Math.min(20, failures - 2));
  const own = full * (0.75 + chance * 0.25);
  return Math.round(now + Math.max(own, Math.min(retryAfterMs ?? 0, 7 * day)));
}

/** When to ask an authority again that could not be reached: 5 s, doubled, at most 10 min. */
export function authorityPause(failures: number, retryAfterMs: number | null, chance: number): number {
  const full = Math.min(10 * minute, 5000 * 2 ** Math.min(20, Math.max(0, failures - 1)));
  return Math.min(longestTimerMs, Math.max(full * (0.5 + chance * 0.5), retryAfterMs ?? 0));
}

export const LONGEST_SLEEP_MS: number = hour;
