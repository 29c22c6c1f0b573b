/** What the exit status tells scripts and service managers (sysexits.h where it has a word for it). */
export const exit = {
  ok: 0,
  /** `check` found problems, `healthcheck` failed. */
  failed: 1,
  usage: 2,
  unavailable: 69,
  /** A port that this user may not open. */
  notPermitted: 77,
  badConfig: 78,
} as const;
