/** fairlead as it is measured here, and what it says of itself. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { get } from '../../test/support/client.ts';
import { freePorts } from '../../test/support/ports.ts';
import { type Child, eventually, Stop, tail } from '../../test/support/process.ts';
import { launch } from '../machine/launch.ts';
import { scratch } from '../machine/scratch.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const READY_MS = 120_000;

export interface RunningRouter {
  readonly port: number;
  readonly child: Child;
  /** `per-service` or `aggregate`. */
  mode(): Promise<string>;
  /** Sum in seconds and count of `fairlead_convergence_seconds`. */
  applied(): Promise<{ sum: number; count: number }>;
  stop(): Promise<void>;
}

/** Resolves when its table is complete. */
export async function startRouter(consul: string, workers: number): Promise<RunningRouter> {
  const folder = scratch('router');
  const [port = 0, admin = 0] = await freePorts(2);
  const args = ['run', '--consul', consul, '--http', `127.0.0.1:${port}`, '--admin', `127.0.0.1:${admin}`];
  args.push('--workers', String(workers), '--data', join(folder, 'data'), '--log-level', 'warn');
  // No file of the machine it happens to run on.
  const config = join(folder, 'fairlead.yaml');
  writeFileSync(config, '{}\n');
  args.push('--config', config);
  const child = await launch(process.execPath, [main, ...args], { stdout: join(folder, 'access.log') });
  const ask = (path: string) => get(admin, { path, host: `127.0.0.1:${admin}` });
  const ready = async (): Promise<boolean> => {
    if (child.exit) throw new Stop(tail(child));
    return (await ask('/ready')).status === 200;
  };
  await eventually(ready, { timeoutMs: READY_MS, what: 'a complete table' });
  return {
    port,
    child,
    mode: async () => String((JSON.parse((await ask('/api/consul')).body) as { mode: unknown }).mode),
    applied: async () => parseApplied((await ask('/metrics')).body),
    stop: async () => void (await child.stop('SIGTERM', 5000).catch(() => {})),
  };
}

export function parseApplied(metrics: string): { sum: number; count: number } {
  const value = (name: string): number =>
    Number(new RegExp(`^fairlead_convergence_seconds_${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN);
  return { sum: value('sum'), count: value('count') };
}
