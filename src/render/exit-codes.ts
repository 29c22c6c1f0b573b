/** consul-template's exit codes; a child started by `-exec` that ends by itself hands on its own. */
export const renderExit = {
  ok: 0,
  /** Something nobody foresaw. */
  error: 11,
  /** Ended by the kill signal. */
  interrupt: 12,
  flags: 13,
  /** A template, check or command failed in a single run, or the child could not be started. */
  runner: 14,
  config: 15,
} as const;
