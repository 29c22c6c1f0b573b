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
  /** Passes connections on as they come; null where it cannot. */
  readonly streamPort: number | null;
  /** The root of its process tree. */
  readonly pid: number;
  stop(): Promise<void>;
}

export interface Contestant {
  readonly name: string;
  version(): Promise<string>;
  start(site: Site): Promise<RunningProxy>;
}

/** Where a work asks. Throws where this contestant has no such port. */
export function portFor(proxy: RunningProxy, isStream: boolean): number {
  if (!isStream) return proxy.port;
  if (proxy.streamPort === null) throw new Error('it passes no connections on here');
  return proxy.streamPort;
}

/** Waits until it accepts; its last words are in the error when it does not. */
export async function asProxy(
  child: Child,
  port: number,
  streamPort: number | null = null,
  timeoutMs = 15_000,
): Promise<RunningProxy> {
  const probe = async (): Promise<void> => {
    if (child.exit) throw new Stop(lastWords(child));
    await accepts(port);
    if (streamPort !== null) await accepts(streamPort);
  };
  await eventually(probe, { what: `port ${port}`, timeoutMs });
  return { port, streamPort, pid: child.pid, stop: () => stopped(child) };
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
