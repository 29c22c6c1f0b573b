import { accepts } from '../../test/support/ports.ts';
import type { Child } from '../../test/support/process.ts';
import { eventually, Stop, tail } from '../../test/support/process.ts';
import type { Door } from '../works.ts';

/** A certificate for all hosts, in files. */
export interface CertificateFiles {
  /** The leaf and its intermediate. */
  readonly chain: string;
  readonly key: string;
  /** Both in one, as HAProxy reads them. */
  readonly both: string;
}

/** What a contestant is to do: forward these hosts to that port. */
export interface Site {
  readonly hosts: readonly string[];
  readonly backendPort: number;
  /** CPU number to run on; null leaves it free. */
  readonly core: number | null;
  /** Open connections it must be able to hold, upstream ones included. */
  readonly descriptors: number;
  /** With one there is an https port beside the others, for HTTP/1.1 and HTTP/2. */
  readonly certificate: CertificateFiles | null;
}

/** By what is spoken there; null where this contestant has no such port. */
export type Ports = Readonly<Record<Door, number | null>> & { readonly http: number };

/** A contestant that runs. */
export interface RunningProxy {
  readonly ports: Ports;
  /** The root of its process tree. */
  readonly pid: number;
  stop(): Promise<void>;
}

export interface Contestant {
  readonly name: string;
  version(): Promise<string>;
  start(site: Site): Promise<RunningProxy>;
}

/** Throws where this contestant has no such port. */
export function portFor({ ports }: RunningProxy, door: Door): number {
  const port = ports[door];
  if (port === null) throw new Error(`it has no ${door} port here`);
  return port;
}

/** Waits until it accepts on every port; its last words are in the error when it does not. */
export async function asProxy(child: Child, ports: Ports, timeoutMs = 15_000): Promise<RunningProxy> {
  const all = Object.values(ports).filter((port) => port !== null);
  const probe = async (): Promise<void> => {
    if (child.exit) throw new Stop(lastWords(child));
    for (const port of all) await accepts(port);
  };
  await eventually(probe, { what: `ports ${all.join(', ')}`, timeoutMs });
  return { ports, pid: child.pid, stop: () => stopped(child) };
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
