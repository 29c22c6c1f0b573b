/** Why a request goes where it goes, what changed and why: asked of a running router with a real Consul. */
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Backend, startBackend } from '../support/backend.ts';
import { field } from '../support/client.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { type Child, eventually, startFairlead } from '../support/process.ts';
import { deregister, registerBackend, type Site, setCheck, startSite, temporaryFolder } from './site.ts';

interface Entry {
  readonly version: number;
  readonly cause: string;
  readonly changes: { kind: string; service?: string; instance?: string; why?: string }[];
  readonly lagMs: number | null;
}

describe.skipIf(skipConsul)('explain, history and events', () => {
  let consul: ConsulAgent;
  let site: Site;
  let data: string;
  let one: Backend;
  let two: Backend;

  beforeAll(async () => {
    consul = await startConsul();
    data = join(await temporaryFolder(), 'data');
    one = await startBackend({ name: 'svc-1' });
    two = await startBackend({ name: 'svc-2' });
    const tags = [
      'fairlead:svc.test/ strip=/x',
      'fairlead:svc.test/post methods=POST',
      'fairlead:old.test/ redirect=301,https://new.test$path',
      'fairlead:closed.test/ deny=127.0.0.0/8',
      'fairlead:https.test/ https=only',
    ];
    await registerBackend(consul, 'svc', one, tags);
    await registerBackend(consul, 'svc', two, tags);
    site = await startSite({ consul: consul.url, data });
    await eventually(async () => expect(await site.active('svc')).toEqual(['svc-1', 'svc-2']));
  });

  afterAll(async () => {
    await site?.stop();
    await Promise.all([one?.close(), two?.close(), consul?.stop()]);
  });

  async function explain(query: string): Promise<Record<string, unknown>> {
    const { status, body } = await site.ask(`/api/explain?${query}`);
    expect(status).toBe(200);
    return JSON.parse(body) as Record<string, unknown>;
  }

  async function history(since = ''): Promise<Entry[]> {
    return JSON.parse((await site.ask(`/api/history?since=${since}`)).body) as Entry[];
  }

  test('what is said is what happens', async () => {
    const asked: [method: string, host: string, path: string][] = [
      ['GET', 'svc.test', '/'],
      ['GET', 'SVC.test:99', '/x/y?z'],
      ['GET', 'svc.test', '/post'],
      ['POST', 'svc.test', '/post/x'],
      ['GET', 'svc.test', '/%2e%2e/'],
      ['GET', 'svc.test', `/${'x'.repeat(9_000)}`],
      ['GET', 'old.test', '/a?b'],
      ['GET', 'closed.test', '/'],
      ['GET', 'https.test', '/'],
      ['GET', 'nobody.test', '/'],
      ['CONNECT', 'svc.test', '/'],
    ];
    for (const [method, host, path] of asked) {
      const real = await site.get(host, { method, path });
      const told = await explain(`${new URLSearchParams({ url: `http://${host}${path}`, method })}`);
      const name = `${method} ${host}${path.slice(0, 20)}`;
      expect([name, told.reason]).toEqual([name, field(real.fields, 'x-fairlead-reason') ?? null]);
      expect([name, told.status ?? 200]).toEqual([name, real.status]);
      expect([name, told.location]).toEqual([name, field(real.fields, 'location') ?? null]);
    }
  });

  test('a check that fails is named with its output, in the answer and in the history', async () => {
    const [last] = (await history()).slice(-1);
    await setCheck(consul, 'svc-2', 'critical', 'disk full');
    await eventually(async () => expect(await site.active('svc')).toEqual(['svc-1']));
    expect(await explain('url=svc.test')).toMatchObject({
      ...{ decision: 'forward', route: 'svc.test/', pool: 'svc' },
      endpoints: [{ source: expect.stringMatching(/svc-1$/), state: 'active' }],
      excluded: [{ instance: expect.stringMatching(/svc-2$/), status: 'critical', output: 'disk full' }],
    });
    const fresh = await eventually(async () => {
      const found = await history(String(last!.version));
      expect(found[0]?.lagMs).toBeTypeOf('number');
      return found;
    });
    expect(fresh).toMatchObject([
      {
        cause: expect.stringMatching(/svc-2 went from passing to critical: disk full$/),
        changes: [
          { kind: 'endpoint-out', service: 'svc', why: expect.stringContaining('critical: disk full') },
        ],
      },
    ]);
    expect(fresh[0]!.lagMs).toBeGreaterThan(0);
    await setCheck(consul, 'svc-2', 'passing');
    await eventually(async () => expect(await site.active('svc')).toEqual(['svc-1', 'svc-2']));
  });

  test('wrong questions are told what is wrong', async () => {
    for (const path of ['/api/explain', '/api/explain?url=ftp://x', '/api/history?since=soon']) {
      const { status, body } = await site.ask(path);
      expect([path, status]).toEqual([path, 400]);
      expect(JSON.parse(body)).toEqual({ error: expect.any(String) });
    }
  });

  test('commands tell the same story', async () => {
    const told = await command('explain', 'http://svc.test/x/1');
    expect([told.exit?.code, told.stdout]).toEqual([0, expect.arrayContaining(['forward to svc as /1'])]);
    const past = await command('history');
    expect(past.exit?.code).toBe(0);
    expect(past.stdout.join('\n')).toMatch(/disk full +live after [\d.]+ ms/);
  });

  test('events and --follow tell of a change as it comes; the stream ends when the router stops', async () => {
    const { text, incoming } = await listen('/api/events');
    const child = await startFairlead(['history', '--follow', ...admin()], { cwd: site.folder });
    await child.line(/disk full/);
    await eventually(() => expect(text()).toContain('event: snapshot\n'));
    await deregister(consul, 'svc-2');
    await child.line(/svc-2 of svc was deregistered +live after/);
    await child.stop('SIGKILL');
    expect(text()).toMatch(/event: change\nid: \d+\ndata: \{"version":\d+,.*deregistered.*\}\n\n/);
    const resumed = await listen('/api/events', { 'last-event-id': '0' });
    await eventually(() => expect(resumed.text()).toMatch(/^: here\n\nevent: change\nid: \d+\n/));
    const ended = new Promise((resolve) => incoming.once('end', resolve));
    site.child.signal('SIGTERM');
    await ended;
    expect((await site.child.exited).code).toBe(0);
  });

  test('the history survives a restart, and versions go on', async () => {
    site = await startSite({ consul: consul.url, data });
    const entries = await history();
    expect(entries.map(({ cause }) => cause).join('\n')).toContain('disk full');
    expect(entries.at(-1)!.cause).toMatch(/^the saved catalog was loaded: 1 service/);
    const versions = entries.map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    expect((await site.routes()).version).toBeGreaterThanOrEqual(versions.at(-1)!);
  });

  function admin(): string[] {
    return ['--admin', `127.0.0.1:${site.admin}`];
  }

  async function command(...args: string[]): Promise<Child> {
    const child = await startFairlead([...args, ...admin()], { cwd: site.folder });
    await child.exited;
    return child;
  }

  /** Reads a stream for as long as it lasts. */
  async function listen(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ text: () => string; incoming: IncomingMessage }> {
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ port: site.admin, host: '127.0.0.1', path, headers, agent: false }, resolve).on('error', reject);
    });
    let text = '';
    incoming.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    return { text: () => text, incoming };
  }
});
