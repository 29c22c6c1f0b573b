/** DNS by UDP and TCP on one port that follows the catalog. */
import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { skipConsul } from '../../support/consul.ts';
import { type DnsServer, startDns } from '../../support/dns.ts';
import { freePort, freePorts } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { deregister, note, register, setCheck, timeUntil } from '../site.ts';
import { consul, site, stage, unrelatedChanges } from '../tcp/stage.ts';

describe.skipIf(skipConsul)('DNS', () => {
  stage('udp: { ports: 20000-32000, address: 127.0.0.1 }\nlimits: { udpSessions: 400 }');
  const servers: DnsServer[] = [];
  const sockets: Socket[] = [];
  let port: number;
  /** For one test alone: a client there cannot get the number of one before it, whose session is still open. */
  let own: number;
  const large = Array(20).fill('x'.repeat(200)).join(',');

  /** A client of its own: another port, another session. */
  function resolver(tries = 1): Resolver {
    const made = new Resolver({ timeout: 1_000, tries });
    made.setServers([`127.0.0.1:${port}`]);
    return made;
  }

  const ask = async (from = resolver()): Promise<string> => (await from.resolve4('a.test'))[0]!;

  beforeAll(async () => {
    [port, own] = (await freePorts(2)) as [number, number];
    for (const [i, address] of ['10.0.0.1', '10.0.0.2'].entries()) {
      const server = await startDns(address, { 'large.test': large });
      servers.push(server);
      const tags = [`fairlead:udp:${port} departure=close`, `fairlead:tcp:${port}`];
      const status = i === 0 ? 'passing' : 'critical';
      await register(consul, { name: 'dns', id: `dns${i}`, port: server.port, tags, status });
    }
    await register(consul, { name: 'own', port: servers[0]!.port, tags: [`fairlead:udp:${own}`] });
    await eventually(async () => expect(await ask()).toBe('10.0.0.1'), { timeoutMs: 10_000 });
  });

  afterAll(async () => {
    for (const socket of sockets) socket.close();
    for (const server of servers) await server.kill();
  });

  test('answers all the while a hundred other things change, by either transport', async () => {
    let isOver = false;
    const changes = unrelatedChanges(100).finally(() => {
      isOver = true;
    });
    const kept = resolver();
    let rounds = 0;
    for (; !isOver; rounds++) {
      expect([await ask(), await ask(kept)]).toEqual(['10.0.0.1', '10.0.0.1']);
      // Too much for a datagram: the server says so, and is asked by TCP.
      if (rounds % 10 === 0) expect((await kept.resolveTxt('large.test'))[0]!.join('').length).toBe(4_000);
    }
    await changes;
    expect(await site.metric('fairlead_udp_sessions', { listener: `udp:${port}` })).toBeGreaterThan(1);
    expect(await site.metric('fairlead_udp_dropped_total')).toBe(0);
  });

  test('a client stays with one worker, whatever it sends', async () => {
    const clients = Array.from({ length: 40 }, () => createSocket('udp4'));
    sockets.push(...clients);
    const query = Buffer.from('000101000001000000000000016104746573740000010001', 'hex');
    for (let i = 0; i < 5; i++) {
      for (const socket of clients) {
        socket.send(query, own, '127.0.0.1');
        await once(socket, 'message');
      }
    }
    expect(await site.metric('fairlead_udp_sessions', { listener: `udp:${own}` })).toBe(40);
    expect(await site.metric('fairlead_udp_sessions_total', { service: 'own' })).toBe(0);
  });

  test('moves to another instance when its own turns critical, or dies unseen', async () => {
    const kept = resolver();
    expect(await ask(kept)).toBe('10.0.0.1');
    await setCheck(consul, 'dns1', 'passing');
    await setCheck(consul, 'dns0', 'critical');
    const ms = await timeUntil(async () => (await ask(kept)) === '10.0.0.2', 5_000, 'the other instance');
    note(`a session moved after ${ms.toFixed(0)} ms`);
    await setCheck(consul, 'dns0', 'passing');
    await eventually(async () => expect(await site.active('dns')).toEqual(['dns0', 'dns1']));
    // Consul does not know yet: no question may be lost all the same.
    await servers[1]!.kill();
    for (let i = 0; i < 20; i++) expect([await ask(), await ask(kept)]).toEqual(['10.0.0.1', '10.0.0.1']);
  });

  test('what cannot be opened is refused with its reason, and opened when it can', async () => {
    const free = await freePort();
    const taken = createSocket('udp4').bind(free, '127.0.0.1');
    await once(taken, 'listening');
    const tags = [`fairlead:udp:${free}`, 'fairlead:udp:53', `fairlead:udp:${site.admin}`];
    await register(consul, { name: 'held', port: servers[0]!.port, tags });
    await eventually(async () =>
      expect((await site.routes()).refused.map(({ reason }) => reason)).toEqual([
        'port 53 is outside of udp.ports, 20000-32000',
        `port ${free} is in use by another process`,
      ]),
    );
    taken.close();
    await eventually(async () => expect((await site.routes()).refused).toHaveLength(1), {
      timeoutMs: 10_000,
    });
    await deregister(consul, 'held');
    // The port is given back.
    await eventually(async () => {
      const again = createSocket('udp4').bind(free, '127.0.0.1');
      await once(again, 'listening').finally(() => again.close());
    });
  });
});
