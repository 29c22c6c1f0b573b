/** Starts the programs under measurement: pinned, with every descriptor they may have, output to a file. */
import { type Child, start } from '../../test/support/process.ts';

export interface LaunchOptions {
  /** CPU number; null leaves it where we are. */
  readonly core?: number | null;
  /** File for its standard output; kept in memory otherwise. */
  readonly stdout?: string;
  readonly env?: Record<string, string>;
}

const script = `ulimit -n "$(ulimit -H -n)"
out=$1
shift
if [ -n "$out" ]; then exec "$@" >"$out"; else exec "$@"; fi`;

/** The child is the program itself: shell and taskset replace themselves. */
export function launch(
  command: string,
  args: readonly string[],
  options: LaunchOptions = {},
): Promise<Child> {
  const { core = null, stdout = '', env = {} } = options;
  const pin = core === null ? [] : ['taskset', '-c', String(core)];
  return start('/bin/sh', ['-c', script, 'sh', stdout, ...pin, command, ...args], { env });
}
