/** Many routers on one machine, on one Consul: none disturbs another. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startBackend } from '../support/backend.ts';
import { skipConsul, startConsul } from '../support/consul.ts';
import { startLoad } from '../support/load.ts';
import { eventually } from '../support/process.ts';
import { registerBackend, setCheck, startSite } from './site.ts';

test.skipIf(skipConsul)('five routers follow the same Consul and go one by one', async () => {
  const consul = await startConsul();
  const backends = await Promise.all(['svc-1', 'svc-2'].map((name) => startBackend({ name })));
  for (const backend of backends) await registerBackend(consul, 'svc', backend, ['fairlead:svc.test/']);
  const sites = await Promise.all(Array.from({ length: 5 }, () => startSite({ consul: consul.url })));
  try {
    const ports = sites.flatMap(({ web, admin }) => [web, admin]);
    expect(new Set(ports).size).toBe(10);
    const all = async (names: string[]): Promise<void> => {
      for (const site of sites.filter(({ child }) => child.exit === undefined))
        await eventually(async () => expect(await site.active('svc')).toEqual(names));
    };
    await all(['svc-1', 'svc-2']);
    for (const site of sites)
      await eventually(async () => expect((await site.get('svc.test')).status).toBe(200));
    const loads = sites.map(({ web }) =>
      startLoad({ port: web, host: 'svc.test', connections: 4, ratePerSecond: 25 }),
    );
    await setCheck(consul, 'svc-2', 'critical');
    await all(['svc-1']);
    await setCheck(consul, 'svc-2', 'passing');
    await all(['svc-1', 'svc-2']);
    await eventually(() => loads.every(({ counters }) => counters.ok > 25));

    // One crashes, one is stopped; the rest go on, and each keeps its own books.
    const results = [await loads[0]!.stop(), await loads[1]!.stop()];
    await sites[0]!.child.stop('SIGKILL');
    expect(await sites[1]!.child.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    const before = loads.slice(2).map(({ counters }) => counters.ok);
    await eventually(() => loads.slice(2).every(({ counters }, i) => counters.ok > before[i]! + 25));
    for (const [i, load] of loads.entries()) if (i > 1) results.push(await load.stop());
    for (const { failed, unsent } of results) expect({ failed, unsent }).toEqual({ failed: [], unsent: 0 });
    for (const [i, site] of sites.entries()) {
      if (i < 2) continue;
      const total = await site.metric('fairlead_requests_total', { service: 'svc', code: '200' });
      expect(total).toBeGreaterThanOrEqual(results[i]!.ok);
      expect(total).toBeLessThan(results[i]!.ok + 50);
    }
    // A crash leaves nothing that keeps the next one from starting in the same place.
    const again = await startSite({ consul: consul.url, data: `${sites[0]!.folder}/data` });
    expect((await again.get('svc.test')).status).toBe(200);
    await again.stop();
  } finally {
    await Promise.all(sites.map((site) => site.stop()));
    await Promise.all(backends.map((backend) => backend.close()));
    await consul.stop();
  }
  for (const { folder } of sites) expect(existsSync(folder)).toBe(false);
});
