/** A real Consul agent on free loopback ports. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePorts } from './ports.ts';
import { type Child, eventually, Stop, start, tail } from './process.ts';

/** Where a real Consul must not or cannot be had: the tests against it are skipped, and say so. */
export const skipConsul = process.env.FAIRLEAD_SKIP_EXTERNAL === '1';

export interface ConsulOptions {
  /** Keeps its data here over restarts; without it a development agent that forgets everything. */
  readonly dataDir?: string;
  /** Further configuration, in the words of Consul's configuration file. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export interface ConsulAgent {
  readonly url: string;
  readonly pid: number;
  /** The parsed answer, null for an empty one; rejects unless the status is 200. */
  api(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown, token?: string): Promise<unknown>;
  /** Leaves gracefully and removes what it left behind. */
  stop(): Promise<void>;
  /** SIGKILL: what a crash looks like. */
  kill(): Promise<void>;
  /** Starts again on the same ports, after `kill`. */
  restart(): Promise<void>;
}

/** Starts an agent; resolves when it has a leader. */
export async function startConsul(options: ConsulOptions = {}): Promise<ConsulAgent> {
  const binary = await findConsul();
  const home = await mkdtemp(join(tmpdir(), 'fairlead-consul-'));
  const ports = await freePorts(4);
  const url = `http://127.0.0.1:${ports[0]}`;
  const configFile = join(home, 'agent.json');
  await writeFile(configFile, JSON.stringify(configuration(ports, options)));
  const args = ['agent', '-config-file', configFile, '-bind', '127.0.0.1', '-client', '127.0.0.1'];
  if (options.dataDir === undefined) args.push('-dev');
  else args.push('-server', '-bootstrap-expect=1', '-data-dir', options.dataDir, '-advertise', '127.0.0.1');

  async function launch(): Promise<Child> {
    const started = await start(binary, args);
    const ready = async (): Promise<boolean> => {
      if (started.exit !== undefined) throw new Stop(`consul ended: ${tail(started)}`);
      return hasLeader(url);
    };
    await eventually(ready, { timeoutMs: 20_000, what: `a leader at ${url}` });
    return started;
  }

  let child = await launch();
  return {
    url,
    get pid() {
      return child.pid;
    },
    api: (method, path, body, token) => callConsul(url + path, method, body, token),
    async stop() {
      if (child.exit === undefined) await child.stop('SIGTERM', 10_000).catch(() => {});
      await rm(home, { recursive: true, force: true });
    },
    async kill() {
      await child.stop('SIGKILL');
    },
    async restart() {
      child = await launch();
    },
  };
}

function configuration(ports: readonly number[], options: ConsulOptions): Record<string, unknown> {
  const [http, server, wan, serf] = ports;
  const given = (options.config?.ports ?? {}) as object;
  return {
    log_level: 'warn',
    disable_update_check: true,
    // The agent sends changed outputs at once instead of after five minutes.
    check_update_interval: '0s',
    // Elections take one second instead of ten.
    performance: { raft_multiplier: 1 },
    ...options.config,
    ports: { http, server, serf_wan: wan, serf_lan: serf, dns: -1, grpc: -1, ...given },
  };
}

async function hasLeader(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/v1/status/leader`).catch(() => null);
  return answer?.ok === true && /\d/.test(await answer.text());
}

/** The parsed answer, null for an empty one; rejects unless the status is 200. */
export async function callConsul(
  url: string,
  method: string,
  body?: unknown,
  token?: string,
): Promise<unknown> {
  const answer = await fetch(url, {
    method,
    headers: token === undefined ? {} : { 'x-consul-token': token },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
}

/** The program's path. */
export async function findConsul(): Promise<string> {
  const named = process.env.CONSUL_BIN;
  if (named !== undefined && named !== '') return named;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder !== '' && existsSync(join(folder, 'consul'))) return join(folder, 'consul');
  }
  try {
    // Not a literal: the tests of the router do not depend on the provisioning being there.
    const module = '../provision.ts';
    const { consulBinary } = (await import(module)) as { consulBinary: () => Promise<string> | string };
    return await consulBinary();
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(
      `No consul: set CONSUL_BIN, put it on PATH, or set FAIRLEAD_SKIP_EXTERNAL=1 to skip these tests (${why})`,
    );
  }
}
