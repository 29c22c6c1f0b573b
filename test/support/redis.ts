/** A real Redis server on a free loopback port, without persistence. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisBinary } from '../provision.ts';
import { accepts, freePort } from './ports.ts';
import { eventually, Stop, start, tail } from './process.ts';

export const skipRedis = process.env.FAIRLEAD_SKIP_EXTERNAL === '1';

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<RedisServer> {
  const home = await mkdtemp(join(tmpdir(), 'fairlead-redis-'));
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = await start(await redisBinary(), [...args, '--dir', home]);
  const ready = async (): Promise<void> => {
    if (child.exit !== undefined) throw new Stop(`redis-server ended: ${tail(child)}`);
    await accepts(port);
  };
  await eventually(ready, { timeoutMs: 10_000, what: `Redis at port ${port}` });
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      if (child.exit === undefined) await child.stop('SIGKILL');
      await rm(home, { recursive: true, force: true });
    },
  };
}
