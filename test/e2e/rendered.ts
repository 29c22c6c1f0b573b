/** `fairlead render -builtin …` over a real Consul, and the server that runs what it writes. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { haproxyBinary, nginxBinary, nginxStreamModule } from '../provision.ts';
import type { ConsulAgent } from '../support/consul.ts';
import { accepts } from '../support/ports.ts';
import { type Child, eventually, Stop, start, startFairlead, tail } from '../support/process.ts';
import { temporaryFolder } from './site.ts';

export interface Rendered {
  readonly folder: string;
  readonly renderer: Child;
  /** The server; started once there is a file. */
  readonly server: Child;
  file(): Promise<string>;
  /** How often the reload command ran. */
  reloads(): Promise<number>;
  /** Messages of the renderer's log. */
  logged(message: string): readonly Record<string, unknown>[];
  stop(): Promise<void>;
}

export interface RenderedOptions {
  readonly consul: Pick<ConsulAgent, 'url'>;
  readonly port: number;
  /** Further lines of `fairlead.yaml`; its `web` listener is at the port. */
  readonly config?: string;
  readonly flags?: readonly string[];
}

/** HAProxy as its packages run it: a master that loads the file anew when it is told. */
export function startRenderedHaproxy(options: RenderedOptions): Promise<Rendered> {
  return startRendered(options, 'haproxy', async (folder) => {
    const args = ['-W', '-db', '-p', join(folder, 'pid'), '-f', join(folder, 'haproxy.conf')];
    return start(await haproxyBinary(), args);
  });
}

export function startRenderedNginx(options: RenderedOptions): Promise<Rendered> {
  return startRendered(options, 'nginx', async (folder) => {
    await symlink(dirname(await nginxStreamModule()), join(folder, 'modules'));
    await mkdir(join(folder, 'temp'));
    const user = process.getuid?.() === 0 ? 'user root; ' : '';
    const own = `${user}daemon off; pid pid;`;
    return start(await nginxBinary(), [
      ...['-p', `${folder}/`, '-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', own],
    ]);
  });
}

async function startRendered(
  { consul, port, config = '', flags = [] }: RenderedOptions,
  target: 'nginx' | 'haproxy',
  startServer: (folder: string) => Promise<Child>,
): Promise<Rendered> {
  const folder = await temporaryFolder();
  const listeners = `listeners: { web: { address: "127.0.0.1:${port}" } }\n`;
  await writeFile(
    join(folder, 'fairlead.yaml'),
    `${config.includes('listeners:') ? '' : listeners}${config}`,
  );
  const signal = target === 'nginx' ? 'HUP' : 'USR2';
  const reload = `echo x >> reloads; test ! -e pid || kill -${signal} $(cat pid)`;
  const output = join(folder, `${target}.conf`);
  const renderer = await startFairlead(
    [
      ...['render', '-consul-addr', new URL(consul.url).host, '-data', 'data'],
      ...['-builtin', `${target}=${output}:${reload}`, ...flags],
    ],
    { cwd: folder },
  );
  const written = (): boolean => {
    if (renderer.exit) throw new Stop(`it ended: ${tail(renderer)}`);
    return existsSync(output) && existsSync(join(folder, 'reloads'));
  };
  await eventually(written, { what: 'the first file', timeoutMs: 20_000 });
  const server = await startServer(folder);
  const answers = async (): Promise<void> => {
    if (server.exit) throw new Stop(`it did not start: ${tail(server)}`);
    await accepts(port);
  };
  await eventually(answers, { what: 'the first connection', timeoutMs: 15_000 });
  return {
    ...{ folder, renderer, server },
    file: () => readFile(output, 'utf8'),
    reloads: async () => (await readFile(join(folder, 'reloads'), 'utf8')).length / 2,
    logged: (message) =>
      renderer.stderr
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ msg }) => msg === message),
    async stop() {
      await renderer.stop('SIGTERM');
      await server.stop('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
