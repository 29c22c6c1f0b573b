/** Signals and reloads: the process as whoever operates it sees it. */
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Backend, echoWebSocket, startBackend } from '../support/backend.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { startLoad } from '../support/load.ts';
import { accepts } from '../support/ports.ts';
import { eventually, tail } from '../support/process.ts';
import { register, type Site, type SiteOptions, startSite, temporaryFolder } from './site.ts';

const endings: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function site(options: SiteOptions = {}): Promise<Site> {
  const started = await startSite(options);
  endings.push(() => started.stop());
  return started;
}

/** Answers `/wait` when it is told to, upgrades `/socket`, and everything else at once. */
async function backend(name: string): Promise<Backend & { release(): void }> {
  const gate = Promise.withResolvers<void>();
  const started = await startBackend({
    name,
    handler: async (request, reply) => {
      if (request.target === '/socket') return echoWebSocket(request, reply);
      for await (const _ of request.body);
      if (request.target === '/wait') await gate.promise;
      await reply.send();
    },
  });
  endings.push(() => {
    gate.resolve();
    return started.close();
  });
  return Object.assign(started, { release: () => gate.resolve() });
}

const staticRoute = (host: string, port: number): string =>
  `routes: [{ rule: "${host}/", to: ["127.0.0.1:${port}"] }]\n`;

describe.skipIf(skipConsul)('a process', () => {
  let consul: ConsulAgent;

  beforeAll(async () => {
    consul = await startConsul();
  });

  afterAll(() => consul?.stop());

  test('TERM under load: what runs is finished, nothing fails, exit 0', async () => {
    const one = await backend('one');
    await register(consul, { name: 'one', port: one.port, tags: ['fairlead:one.test/'] });
    const router = await site({ consul: consul.url });
    await eventually(async () => expect((await router.get('one.test')).status).toBe(200));
    const socket = new WebSocket(`ws://127.0.0.1:${router.web}/socket`, { headers: { host: 'one.test' } });
    await once(socket, 'open');
    const waiting = router.get('one.test', { path: '/wait', timeoutMs: 20_000 });
    await eventually(() => one.requests.some(({ target }) => target === '/wait'));
    const connections = 16;
    const load = startLoad({
      ...{ port: router.web, host: 'one.test', connections, ratePerSecond: 150 },
      methods: ['GET', 'POST'],
    });
    await eventually(() => load.counters.ok > 60);

    router.child.signal('SIGTERM');
    await eventually(async () => expect((await router.ready()).status).toBe(503));
    expect((await router.ready()).reasons).toContain('draining');
    await eventually(() => expect(accepts(router.web)).rejects.toThrow('ECONNREFUSED'));
    expect((await router.ask('/health')).status).toBe(200);
    // Tunnels go on until their ends close them.
    socket.send('still here?');
    const [echo] = (await once(socket, 'message')) as [Buffer];
    expect(echo.toString()).toBe('still here?');
    await eventually(() => (load.counters.failures.get('ECONNREFUSED') ?? 0) > 10);
    const { failed } = await load.stop();
    // A refused connection is told at once and costs nothing: whoever balances over several routers takes another.
    expect(failed.map(({ error }) => error)).toEqual(['ECONNREFUSED']);
    expect(router.child.exit).toBeUndefined();
    one.release();
    expect((await waiting).status).toBe(200);
    socket.close();
    expect(await router.child.exited).toEqual({ code: 0, signal: null });
    // Every answer is in the log, up to the last.
    const logged = router.child.stdout.map((line) => JSON.parse(line) as { path: string; status: number });
    expect(logged.filter(({ path, status }) => path === '/wait' && status === 200).length).toBe(1);
    expect(logged.filter(({ status }) => status === 101).length).toBe(1);
    expect(logged.length).toBeGreaterThanOrEqual(load.counters.ok + 2);
  });

  test('what does not end by itself is cut at the drain limit', async () => {
    const one = await backend('one');
    await register(consul, { name: 'one', port: one.port, tags: ['fairlead:one.test/'] });
    const router = await site({ consul: consul.url, config: 'timeouts: { drain: 1s }\n' });
    await eventually(async () => expect((await router.get('one.test')).status).toBe(200));
    const socket = new WebSocket(`ws://127.0.0.1:${router.web}/socket`, { headers: { host: 'one.test' } });
    await once(socket, 'open');
    socket.on('error', () => {});
    const closed = once(socket, 'close');
    const startedAt = performance.now();
    expect(await router.child.stop('SIGINT')).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    await closed;
  });

  test.for(['SIGTERM', 'SIGINT'] as const)('a second %s ends it at once', async (signal) => {
    const one = await backend('one');
    const router = await site({ consul: consul.url, config: staticRoute('fixed.test', one.port) });
    const waiting = router.get('fixed.test', { path: '/wait' }).catch((error: Error) => error);
    await eventually(() => one.requests.length === 1);
    router.child.signal(signal);
    await router.child.line(/"draining"/);
    const startedAt = performance.now();
    const exit = await router.child.stop(signal);
    expect(exit.code ?? exit.signal).not.toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    expect(await waiting).toBeInstanceOf(Error);
  });

  test('TERM before anything answers ends it as well', async () => {
    const router = await site({ until: 'alive' });
    const startedAt = performance.now();
    expect(await router.child.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  test('HUP applies changed routes; a broken file changes nothing and is reported with its place', async () => {
    const [one, two] = [await backend('one'), await backend('two')];
    const router = await site({ consul: consul.url, config: staticRoute('fixed.test', one.port) });
    expect((await router.get('fixed.test')).body).toBe('one');
    const load = startLoad({ port: router.web, host: 'fixed.test', connections: 4, ratePerSecond: 100 });
    await eventually(() => load.counters.ok > 20);

    await writeFile(router.configFile, `${staticRoute('fixed.test', two.port)}log: { level: debug }\n`);
    router.child.signal('SIGHUP');
    await eventually(async () => expect((await router.get('fixed.test')).body).toBe('two'));

    const before = await router.routes();
    const broken: [file: string, place: RegExp][] = [
      ['routes:\n  - rule: [\n', /fairlead\.yaml:3:1/],
      [`${staticRoute('fixed.test', one.port)}lisstener: 1\n`, /fairlead\.yaml:2:1.*lisstener/],
      [
        'routes:\n  - rule: "fixed.test/ wieght=3"\n    to: ["127.0.0.1:1"]\n',
        /fairlead\.yaml:2:\d+.*wieght/,
      ],
    ];
    for (const [file, place] of broken) {
      await writeFile(router.configFile, file);
      const lines = router.child.stderr.length;
      router.child.signal('SIGHUP');
      const told = await eventually(() => {
        const line = router.child.stderr.slice(lines).find((text) => text.includes('not reloaded'));
        return line ?? false;
      }, 'a report');
      expect(JSON.parse(told)).toMatchObject({ level: 'error' });
      expect(told).toMatch(place);
    }
    expect(await router.routes()).toEqual(before);
    expect((await router.get('fixed.test')).body).toBe('two');

    // What needs a restart is named and left alone.
    await writeFile(router.configFile, `${staticRoute('fixed.test', two.port)}timeouts: { idle: 5s }\n`);
    router.child.signal('SIGHUP');
    await router.child.line(/"needRestart":\["timeouts"\]/);
    const { failed, unsent } = await load.stop();
    expect({ failed, unsent }).toEqual({ failed: [], unsent: 0 });
  });

  test('USR1 opens no debugger', async () => {
    const router = await site({ consul: consul.url });
    const before = listeningPorts(router.child.pid);
    expect(before).toContain(router.web);
    router.child.signal('SIGUSR1');
    await router.child.line(/nothing to reopen/);
    // Whatever the signal started would be there by the time a later one has been answered.
    router.child.signal('SIGHUP');
    await router.child.line(/configuration reloaded/);
    expect(listeningPorts(router.child.pid)).toEqual(before);
    expect(router.child.stderr.join('\n')).not.toMatch(/debugger/i);
  });

  test('a refused token is said, and a corrected file is enough', { timeout: 40_000 }, async () => {
    const guarded = await startConsul({ config: { acl: { enabled: true, default_policy: 'deny' } } });
    endings.push(() => guarded.stop());
    const bootstrap = async (): Promise<{ SecretID: string }> =>
      (await guarded.api('PUT', '/v1/acl/bootstrap')) as { SecretID: string };
    const { SecretID: token } = await eventually(bootstrap, { timeoutMs: 15_000, what: 'a first token' });
    const one = await backend('one');
    await guarded.api(
      'PUT',
      '/v1/agent/service/register',
      { Name: 'one', Address: '127.0.0.1', Port: one.port, Tags: ['fairlead:one.test/'] },
      token,
    );
    const folder = await temporaryFolder();
    endings.push(() => rm(folder, { recursive: true, force: true }));
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, '11111111-2222-3333-4444-555555555555\n');
    const router = await site({
      ...{ consul: guarded.url, until: 'alive' },
      config: `consul: { tokenFile: ${tokenFile} }\n`,
    });
    await eventually(async () => expect((await router.consul()).lastError).toMatch(/ACL/));
    expect(await router.ready()).toMatchObject({ status: 503, ready: false });
    expect(await router.metric('fairlead_consul_errors_total', { kind: 'acl' })).toBeGreaterThan(0);
    expect(router.child.exit).toBeUndefined();
    expect(router.child.stderr.join('\n')).not.toContain('11111111-2222');

    await writeFile(tokenFile, `${token}\n`);
    await eventually(async () => expect((await router.get('one.test')).body).toBe('one'), {
      timeoutMs: 10_000,
      what: 'the route',
    });
    await eventually(async () => expect(await router.ready()).toMatchObject({ status: 200, consul: 'live' }));
    expect(tail(router.child, 100)).not.toContain(token);
  });
});

/** TCP ports a process listens on, as the kernel lists them. */
function listeningPorts(pid: number): number[] {
  const sockets = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [];
      if (inode !== undefined) sockets.add(inode);
    } catch {
      // Closed meanwhile.
    }
  }
  const ports = new Set<number>();
  for (const family of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/${pid}/net/${family}`, 'utf8').split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state === '0A' && sockets.has(inode)) ports.add(Number.parseInt(local.split(':')[1]!, 16));
    }
  }
  return [...ports].sort((a, b) => a - b);
}
