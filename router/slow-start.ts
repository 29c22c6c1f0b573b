/** A newcomer starts with this share of its weight: enough to warm up on, too little to drown in. */
export const SLOW_START_FLOOR = 0.2;

/** The share of its weight an endpoint takes `ageMs` after it joined, over a ramp of `rampMs`; linear, 1 at the end. */
export function slowStartShare(ageMs: number, rampMs: number): number {
  if (rampMs <= 0 || ageMs >= rampMs) return 1;
  return SLOW_START_FLOOR + (1 - SLOW_START_FLOOR) * Math.max(0, ageMs / rampMs);
}
