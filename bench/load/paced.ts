/** Load at a constant rate, by a process of its own: see `paced-client.ts`. */
import { fileURLToPath } from 'node:url';
import { tail } from '../../test/support/process.ts';
import { launch } from '../machine/launch.ts';
import { HOST } from '../works.ts';
import { CONNECTIONS } from './load.ts';

/** Latencies in milliseconds, from the moment a request was due to the last byte of its answer. */
export interface Paced {
  readonly requests: number;
  readonly errors: number;
  /** Due but never sent: every connection was busy to the end. */
  readonly unsent: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const client = fileURLToPath(new URL('./paced-client.ts', import.meta.url));

export async function runPaced(port: number, perSecond: number, seconds: number): Promise<Paced> {
  const args = [port, HOST, perSecond, seconds, CONNECTIONS].map(String);
  const child = await launch(process.execPath, [client, ...args]);
  await child.exited;
  const line = child.stdout.find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`the paced load ended without a result: ${tail(child)}`);
  return JSON.parse(line) as Paced;
}
