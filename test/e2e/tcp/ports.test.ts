/** Ports that come and go with the catalog. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { skipConsul } from '../../support/consul.ts';
import { Mail, startMail } from '../../support/mail.ts';
import { accepts } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { deregister, note, register, setCheck, timeUntil } from '../site.ts';
import { consul, publicPort, site, stage, unrelatedChanges } from './stage.ts';

describe.skipIf(skipConsul)('ports of routes', () => {
  stage('timeouts: { drain: 1s }');
  const endings: (() => unknown)[] = [];

  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });

  async function mailServer(name: string): Promise<number> {
    const { port, close } = await startMail(name);
    endings.push(close);
    return port;
  }

  async function add(name: string, id: string, port: number, ...tags: string[]): Promise<void> {
    await register(consul, { name, id, port, tags });
    endings.push(() => deregister(consul, id));
  }

  const isOpen = (port: number): Promise<boolean> => accepts(port).then(() => true);
  const isClosed = (port: number): Promise<boolean> =>
    accepts(port).then(
      () => false,
      () => true,
    );

  test('a server that speaks first: its port opens with it and closes with its last instance', async () => {
    const [port, own] = [await publicPort(), await mailServer('mx1')];
    expect(await isClosed(port)).toBe(true);
    await add('mail', 'mx1', own, `fairlead:tcp:${port}`);
    const openMs = await timeUntil(() => isOpen(port), 5_000, 'the port');
    const mail = await Mail.connect(port);
    expect(await mail.greeting()).toBe('220 mx1');
    await unrelatedChanges(100);
    expect(await mail.ask('NOOP')).toBe('250 mx1 NOOP');

    await setCheck(consul, 'mx1', 'critical');
    await eventually(async () => {
      const refused = await Mail.connect(port);
      await expect(refused.greeting()).rejects.toThrow(/ECONNRESET/);
    });
    // Its session may finish all the same.
    expect(await mail.ask('NOOP')).toBe('250 mx1 NOOP');
    await setCheck(consul, 'mx1', 'passing');
    await eventually(async () => expect(await (await Mail.connect(port)).greeting()).toBe('220 mx1'));

    await deregister(consul, 'mx1');
    const closedMs = await timeUntil(() => isClosed(port), 5_000, 'the closing');
    note(`port open after ${openMs.toFixed(0)} ms, closed after ${closedMs.toFixed(0)} ms`);
    expect(openMs).toBeLessThan(1_000);
    await expect(mail.ended()).resolves.toBe('reset');
    await eventually(async () => {
      const left = (await site.metrics()).filter(({ labels }) => labels.listener === `tcp:${port}`);
      expect(left).toEqual([]);
    });
  });

  test('mail goes to another server when its own turns critical, and a session may finish', async () => {
    const [port, one, two] = [await publicPort(), await mailServer('mx1'), await mailServer('mx2')];
    await add('mail', 'mx1', one, `fairlead:tcp:${port}`);
    await add('mail', 'mx2', two, `fairlead:tcp:${port}`);
    await eventually(async () => expect(await site.active('mail')).toEqual(['mx1', 'mx2']));
    const sessions = new Map<string, Mail>();
    await eventually(async () => {
      const mail = await Mail.connect(port);
      sessions.set(await mail.greeting(), mail);
      expect(sessions.size).toBe(2);
    });
    await setCheck(consul, 'mx1', 'critical');
    await eventually(async () => expect(await site.active('mail')).toEqual(['mx2']));
    for (let i = 0; i < 10; i++) expect(await (await Mail.connect(port)).greeting()).toBe('220 mx2');
    expect(await sessions.get('220 mx1')!.ask('NOOP')).toBe('250 mx1 NOOP');
  });

  test('what may not be opened is listed with its reason, and the rest is served', async () => {
    const [port, own] = [await publicPort(), await mailServer('mx')];
    const tags = [`tcp:${port}`, 'tcp:25', `udp:${port}`, `tcp:${site.admin}`, `tcp:${site.web}`];
    await add('mail', 'mx', own, ...tags.map((tag) => `fairlead:${tag}`));
    await eventually(() => isOpen(port));
    const { refused, routes } = await site.routes();
    expect(refused.map(({ text, reason }) => [text.slice(9), reason])).toEqual([
      ['tcp:25', 'port 25 is outside of tcp.ports, 20000-32000'],
      [`udp:${port}`, `port ${port}: udp.ports is not set, so tags may open no port`],
      [`tcp:${site.admin}`, `port ${site.admin} belongs to the admin listener`],
      [`tcp:${site.web}`, `port ${site.web} belongs to listener web`],
    ]);
    expect(refused.every(({ service, instance }) => service === 'mail' && instance.endsWith('/mx'))).toBe(
      true,
    );
    expect(routes.map(({ id }) => id)).toContain(`tcp:${port}`);
  });

  test('a port that another program has is refused, and opened when it becomes free', async () => {
    const [port, own] = [await publicPort(), await mailServer('mx')];
    const holder: Server = createServer().listen(port, '127.0.0.1');
    await once(holder, 'listening');
    await add('mail', 'mx', own, `fairlead:tcp:${port}`);
    await eventually(async () =>
      expect((await site.routes()).refused).toMatchObject([
        {
          service: 'mail',
          text: `fairlead:tcp:${port}`,
          reason: `port ${port} is in use by another process`,
        },
      ]),
    );
    expect(await site.metric('fairlead_refused_tags')).toBe(1);
    holder.close();
    await eventually(async () => expect(await (await Mail.connect(port)).greeting()).toBe('220 mx'), {
      timeoutMs: 10_000,
    });
    expect((await site.routes()).refused).toEqual([]);
  });

  test('of two services that claim a port the first by name has it, until it is gone', async () => {
    const [port, a, b] = [await publicPort(), await mailServer('a'), await mailServer('b')];
    await add('mail-b', 'b', b, `fairlead:tcp:${port}`);
    await eventually(() => isOpen(port));
    await register(consul, { name: 'mail-a', id: 'a', port: a, tags: [`fairlead:tcp:${port}`] });
    const greeting = async () => (await Mail.connect(port)).greeting();
    await eventually(async () => expect(await greeting()).toBe('220 a'));
    const { conflicts } = JSON.parse((await site.ask('/api/routes')).body) as { conflicts: unknown[] };
    expect(conflicts).toMatchObject([
      { service: 'mail-b', reason: expect.stringContaining('mail-a has this') },
    ]);
    await deregister(consul, 'a');
    await eventually(async () => expect(await greeting()).toBe('220 b'));
  });
});
