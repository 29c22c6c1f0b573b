/** Private PostgreSQL servers: own data, own port, no sockets elsewhere, gone at the end of the test file. */
import { execFile } from 'node:child_process';
import { chown, cp, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { postgresBinary } from '../provision.ts';
import { createTestCa } from './certificates.ts';
import { freePort } from './ports.ts';
import { eventually, Stop, start, tail } from './process.ts';

export interface Postgres {
  readonly name: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** It refuses to run as root; so does its initdb. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

function asNobody(program: string, args: readonly string[]): [string, string[]] {
  const drop = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  return isRoot ? ['setpriv', [...drop, program, ...args]] : [program, [...args]];
}

/** Starts one server per name; `cluster_name` tells which one answers. They speak TLS for `tlsName`, when asked. */
export async function startPostgres(names: readonly string[], tlsName?: string): Promise<Postgres[]> {
  const binary = await realpath(await postgresBinary());
  const home = await mkdtemp(join(tmpdir(), 'fairlead-postgres-'));
  if (isRoot) await chown(home, NOBODY, NOBODY);
  const template = join(home, 'template');
  const [initdb, args] = asNobody(join(dirname(binary), 'initdb'), [
    ...['-D', template, '-U', 'postgres', '-A', 'trust', '--no-sync', '--no-locale', '-E', 'UTF8'],
  ]);
  await promisify(execFile)(initdb, args, { cwd: home });
  const servers = await Promise.all(names.map((name) => startOne(binary, home, template, name, tlsName)));
  let running = servers.length;
  return servers.map(({ stop, ...server }) => ({
    ...server,
    stop: async () => {
      await stop();
      if (--running === 0) await rm(home, { recursive: true, force: true });
    },
  }));
}

async function startOne(
  binary: string,
  home: string,
  template: string,
  name: string,
  tlsName: string | undefined,
): Promise<Postgres> {
  const data = join(home, name);
  await cp(template, data, { recursive: true, preserveTimestamps: true });
  const port = await freePort();
  const settings: Record<string, string> = {
    ...{ port: String(port), listen_addresses: '127.0.0.1', unix_socket_directories: '', cluster_name: name },
    ...{ fsync: 'off', shared_buffers: '8MB', max_connections: '50' },
  };
  if (tlsName !== undefined) {
    const { keyPem, certPem } = await (await createTestCa()).issue([tlsName]);
    await writeFile(join(data, 'server.key'), keyPem, { mode: 0o600 });
    await writeFile(join(data, 'server.crt'), certPem);
    settings.ssl = 'on';
  }
  if (isRoot) await promisify(execFile)('chown', ['-R', `${NOBODY}:${NOBODY}`, data]);
  const options = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const child = await start(...asNobody(binary, ['-D', data, ...options]), { cwd: home });
  const isReady = (): boolean => {
    if (child.exit) throw new Stop(`postgres ended: ${tail(child)}`);
    return child.stderr.some((line) => line.includes('ready to accept connections'));
  };
  await eventually(isReady, { timeoutMs: 20_000, what: 'postgres' });
  // SIGQUIT: at once, without waiting for clients.
  return { name, port, stop: async () => void (child.exit ?? (await child.stop('SIGQUIT'))) };
}
