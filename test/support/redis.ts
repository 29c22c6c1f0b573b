/** A private Redis that keeps nothing. */
import { tmpdir } from 'node:os';
import { redisBinary } from '../provision.ts';
import { accepts, freePort } from './ports.ts';
import { eventually, start } from './process.ts';

export interface RedisServer {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  const child = await start(
    await redisBinary(),
    [
      ...[
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'no',
        '--loglevel',
        'warning',
      ],
    ],
    { cwd: tmpdir() },
  );
  await eventually(() => accepts(port), { timeoutMs: 10_000, what: 'redis' });
  return { port, stop: async () => void (child.exit ?? (await child.stop())) };
}
