/** A private nginx in the foreground: own prefix, own port, gone at the end of the test file. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nginxBinary } from '../provision.ts';
import { accepts, freePort } from './ports.ts';
import { type Child, eventually, Stop, start, tail } from './process.ts';

export interface Nginx {
  readonly port: number;
  /** The folder of its files; relative paths in the configuration start here. */
  readonly prefix: string;
  readonly child: Child;
  /** Writes a new configuration and sends HUP; it takes effect a moment later. */
  reload(config: NginxConfig): Promise<void>;
  stop(): Promise<void>;
}

/** The content of `http {}`, or a function of the port to listen on. */
export type NginxConfig = string | ((context: { port: number; prefix: string }) => string);

export interface NginxOptions {
  config: NginxConfig;
  port?: number;
  /** Instead of `http {}`: directives of the main context, such as `stream {}`. */
  main?: boolean;
}

/** Starts it and waits until its port accepts. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const binary = await nginxBinary();
  const port = options.port ?? (await freePort());
  const prefix = await mkdtemp(join(tmpdir(), 'fairlead-nginx-'));
  const file = join(prefix, 'nginx.conf');
  const write = (config: NginxConfig): Promise<void> => {
    const text = typeof config === 'string' ? config : config({ port, prefix });
    return writeFile(file, whole(text, options.main ?? false));
  };
  await write(options.config);
  const child = await start(binary, ['-p', `${prefix}/`, '-c', file, '-e', 'stderr']);
  const stop = async () => {
    await child.stop();
    await rm(prefix, { recursive: true, force: true });
  };
  await eventually(() => listening(child, port), { what: 'nginx', timeoutMs: 10_000 }).catch(
    async (error) => {
      await stop();
      throw error;
    },
  );
  const reload = async (config: NginxConfig) => {
    await write(config);
    child.signal('SIGHUP');
  };
  return { port, prefix, child, reload, stop };
}

async function listening(child: Child, port: number): Promise<void> {
  if (child.exit) throw new Stop(`nginx did not start: ${tail(child)}`);
  await accepts(port);
}

/** Everything it would write goes below its prefix, so that it runs without root. */
function whole(text: string, main: boolean): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const paths = folders.map((name) => `  ${name}_temp_path ${name};`).join('\n');
  // As root its workers would become a user that cannot enter the prefix.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const base = `daemon off;\npid nginx.pid;\nerror_log stderr;\n${user}\nworker_processes 1;\n`;
  const http = `http {\n  access_log off;\n${paths}\n${text}\n}\n`;
  return `${base}${main ? text : `events {}\n${http}`}`;
}
