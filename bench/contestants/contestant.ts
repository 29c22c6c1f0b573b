import { accepts } from '../../test/support/ports.ts';
import type { Child } from '../../test/support/process.ts';
import { eventually, Stop, tail } from '../../test/support/process.ts';

/** What a contestant is to do: forward these hosts to that port. */
export interface Site {
  readonly hosts: readonly string[];
  readonly backendPort: number;
  /** CPU number to run on; null leaves it free. */
  readonly core: number | null;
  /** Open connections it must be able to hold, upstream ones included. */
  readonly descriptors: number;
}

/** A contestant that runs. */
export interface RunningProxy {
  readonly port: number;
  /** The root of its process tree. */
  readonly pid: number;
  stop(): Promise<void>;
}

export interface Contestant {
  readonly name: string;
  version(): Promise<string>;
  start(site: Site): Promise<RunningProxy>;
}

/** Waits until it accepts; its last words are in the error when it does not. */
export async function asProxy(child: Child, port: number, timeoutMs = 15_000): Promise<RunningProxy> {
  const probe = (): Promise<void> => {
    if (child.exit) throw new Stop(lastWords(child));
    return accepts(port);
  };
  await eventually(probe, { what: `port ${port}`, timeoutMs });
  return { port, pid: child.pid, stop: () => stopped(child) };
}

/** Busy connections may hold it up; nobody waits for those here. */
async function stopped(child: Child): Promise<void> {
  await child.stop('SIGTERM', 3_000).catch(() => {});
}

/** The line that most likely says why, on one line. */
function lastWords(child: Child): string {
  const line = [...child.stderr, ...child.stdout]
    .reverse()
    .find((text) => /error|alert|emerg|fail/i.test(text));
  return line ?? tail(child, 1).replaceAll('\n', ' ');
}
