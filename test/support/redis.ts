/** A real Redis server on a free loopback port, without persistence. */
import { Redis } from 'ioredis';
import { redisBinary } from '../provision.ts';
import { accepts, freePort } from './ports.ts';
import { type Child, eventually, start } from './process.ts';

/** Where a real server must not be had: the tests against it are skipped, and say so. */
export const skipRedis = process.env.FAIRLEAD_SKIP_EXTERNAL === '1';

export interface RedisServer {
  readonly port: number;
  /** Without a password. */
  readonly url: string;
  /** A client of the test's own; ended with the server. */
  readonly client: Redis;
  stop(): Promise<void>;
  /** SIGKILL: everything it held is lost. */
  kill(): Promise<void>;
  /** Starts again on the same port, empty. */
  restart(): Promise<void>;
}

export async function startRedis(
  args: readonly string[] = [],
  options: { readonly password?: string } = {},
): Promise<RedisServer> {
  const binary = await redisBinary();
  const port = await freePort();
  const bare = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    '/tmp',
  ];

  async function launch(): Promise<Child> {
    const started = await start(binary, [...bare, ...args]);
    await eventually(() => accepts(port), { timeoutMs: 10_000, what: `redis on ${port}` });
    return started;
  }

  let child = await launch();
  const client = new Redis({ port, host: '127.0.0.1', protocol: 2, ...options });
  client.on('error', () => {});
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    client,
    async stop() {
      client.disconnect();
      await child.stop('SIGKILL');
    },
    async kill() {
      await child.stop('SIGKILL');
    },
    async restart() {
      child = await launch();
      await eventually(() => client.status === 'ready', 'the client is connected again');
    },
  };
}
