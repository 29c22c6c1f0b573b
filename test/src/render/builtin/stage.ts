/** States of the router as the built-in targets take them, and real programs that run what is rendered. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Pool, Route, RouteOptions, Rule } from '../../../../router/model.ts';
import { type HaproxyFile, renderHaproxy } from '../../../../src/render/builtin/haproxy.ts';
import type { BuiltinInput, BuiltinOptions } from '../../../../src/render/builtin/model.ts';
import { renderNginx } from '../../../../src/render/builtin/nginx.ts';
import { haproxyBinary, nginxBinary, nginxStreamModule } from '../../../provision.ts';
import { accepts } from '../../../support/ports.ts';
import { type Child, eventually, Stop, start, tail } from '../../../support/process.ts';

export const OPTIONS: BuiltinOptions = {
  trustedProxies: [],
  ...{ connectMs: 1000, responseMs: 5000, idleMs: 75_000, tunnelIdleMs: 60_000, redirectPort: 8443 },
  ...{ tcpHost: '127.0.0.1', opensPorts: true, guardedHosts: [], runtimeFolder: '/tmp', haproxySocket: null },
};

export function route(rule: Partial<Rule>, options: RouteOptions = {}, pool: string | null = 'web'): Route {
  const whole: Rule = {
    ...{ host: '', path: '/', match: 'segment', methods: null, listeners: null, priority: 0 },
    ...rule,
  };
  const { host, path, stream, methods, priority } = whole;
  const stem = stream ? `${stream.kind}:${host}:${stream.port}` : `${host}${path}`;
  const id = `${stem}${whole.match === 'segment' ? '' : ` ${whole.match}`}${methods ? ` ${methods}` : ''}${priority || ''}`;
  const source = { provider: 'consul' as const, service: 'web', instances: [], text: id };
  return { id, rule: whole, pool, service: 'web', options, source };
}

/** `ports` may carry weights. */
export function pool(
  name: string,
  ports: readonly (number | readonly [number, number])[],
  more: Partial<Pool> = {},
): Pool {
  const endpoints = ports.map((each) => {
    const [port, weight] = typeof each === 'number' ? [each, 1] : each;
    const id = `${name}@127.0.0.1:${port}`;
    return { id, address: '127.0.0.1', port, protocol: 'http' as const, weight, instance: id };
  });
  return { name, service: name, balance: { kind: 'least' }, maxconn: null, endpoints, ...more };
}

export function state(
  input: Partial<BuiltinInput> & { port?: number; options?: BuiltinOptions },
): BuiltinInput {
  const { port = 8080, ...given } = input;
  const listeners = [{ name: 'web', address: { host: '127.0.0.1', port }, protocol: 'http' as const }];
  return { routes: [], pools: [], listeners, certificates: [], options: OPTIONS, shortfalls: [], ...given };
}

export interface Running {
  readonly child: Child;
  readonly folder: string;
  /** HAProxy's runtime socket. */
  readonly socket: string;
  readonly file: HaproxyFile | null;
  stop(): Promise<void>;
}

export async function startHaproxy(input: BuiltinInput, port: number): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-haproxy-'));
  const socket = join(folder, 'runtime.sock');
  const file = renderHaproxy({ ...input, options: { ...input.options, haproxySocket: socket } });
  await writeFile(join(folder, 'haproxy.cfg'), file.text);
  const child = await start(await haproxyBinary(), ['-db', '-f', join(folder, 'haproxy.cfg')]);
  return { ...(await settled(child, port, folder)), socket, file };
}

export async function startRenderedNginx(input: BuiltinInput, port: number): Promise<Running> {
  const { folder, args } = await nginxFolder(renderNginx(input).text);
  const child = await start(await nginxBinary(), args);
  return { ...(await settled(child, port, folder)), socket: '', file: null };
}

async function settled(child: Child, port: number, folder: string) {
  const stop = async (): Promise<void> => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  const probe = async (): Promise<void> => {
    if (child.exit) throw new Stop(`it did not start: ${tail(child)}`);
    await accepts(port);
  };
  await eventually(probe, { what: 'the first connection', timeoutMs: 15_000 });
  return { child, folder, stop };
}

/** A prefix in which a complete configuration runs without root's folders. */
async function nginxFolder(text: string): Promise<{ folder: string; args: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-nginx-'));
  const module = await nginxStreamModule();
  await symlink(dirname(module), join(folder, 'modules'));
  await mkdir(join(folder, 'temp'));
  // Where Debian's file is not installed, a module that was unpacked is loaded from its folder.
  const loaded = text.replace(/^include \/etc\/nginx\/modules-enabled.*$/m, `load_module ${module};`);
  await writeFile(join(folder, 'nginx.conf'), loaded);
  const user = process.getuid?.() === 0 ? 'user root; ' : '';
  const own = `${user}daemon off; pid nginx.pid;`;
  return { folder, args: ['-p', `${folder}/`, '-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', own] };
}

/** Nothing when the program itself finds the file good, else what it says. */
export async function nginxFaults(text: string): Promise<string> {
  const { folder, args } = await nginxFolder(text);
  return faults(await start(await nginxBinary(), ['-t', ...args]), folder);
}

export async function haproxyFaults(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-haproxy-'));
  await writeFile(join(folder, 'haproxy.cfg'), text);
  return faults(await start(await haproxyBinary(), ['-c', '-f', join(folder, 'haproxy.cfg')]), folder);
}

async function faults(child: Child, folder: string): Promise<string> {
  const { code } = await child.exited;
  await rm(folder, { recursive: true, force: true });
  return code === 0 ? '' : [...child.stderr, ...child.stdout].join('\n');
}
