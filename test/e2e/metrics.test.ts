/** `/metrics`, as a scraper sees it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Backend, startBackend } from '../support/backend.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { eventually, root } from '../support/process.ts';
import { deregister, parseMetrics, registerBackend, type Sample, type Site, startSite } from './site.ts';

describe.skipIf(skipConsul)('/metrics', () => {
  let consul: ConsulAgent;
  let site: Site;
  let backend: Backend;

  beforeAll(async () => {
    consul = await startConsul();
    backend = await startBackend({ name: 'svc-1' });
    await registerBackend(consul, 'svc', backend, ['fairlead:svc.test/']);
    site = await startSite({ consul: consul.url });
    await eventually(async () => expect((await site.get('svc.test')).status).toBe(200));
  });

  afterAll(async () => {
    await site?.stop();
    await backend?.close();
    await consul?.stop();
  });

  const key = ({ name, labels }: Sample): string => `${name} ${JSON.stringify(labels)}`;

  /** Names declared as counters, by the lines that declare them. */
  async function scrape(): Promise<{ samples: Sample[]; types: Map<string, string> }> {
    const answer = await site.ask('/metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(answer.body.endsWith('\n')).toBe(true);
    const types = new Map<string, string>();
    for (const [, name = '', type = ''] of answer.body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      expect(types.has(name)).toBe(false);
      types.set(name, type);
    }
    return { samples: parseMetrics(answer.body), types };
  }

  /** The family a sample belongs to. */
  function familyOf(name: string, types: Map<string, string>): string {
    const stem = name.replace(/_(bucket|sum|count)$/, '');
    return types.get(stem) === 'histogram' || types.get(stem) === 'summary' ? stem : name;
  }

  test('has nothing of its own that the documentation does not name', async () => {
    const docs = await readFile(join(root, 'docs/operations.md'), 'utf8');
    const ours = [...(await scrape()).types.keys()].filter((name) => name.startsWith('fairlead_'));
    expect(ours.length).toBeGreaterThan(30);
    expect(ours.filter((name) => !docs.includes(`\`${name}\``))).toEqual([]);
  });

  test('parses, every series once and declared, histograms consistent', async () => {
    await site.get('svc.test');
    await site.get('nobody.test');
    const { samples, types } = await scrape();
    expect(new Set(samples.map(key)).size).toBe(samples.length);
    for (const { name } of samples) expect([name, types.has(familyOf(name, types))]).toEqual([name, true]);
    const wanted = [
      ...['requests_total', 'request_duration_seconds_bucket', 'upstream_duration_seconds_count'],
      ...[
        'requests_in_flight',
        'endpoint_in_flight',
        'endpoint_up',
        'connections',
        'convergence_seconds_sum',
      ],
      ...['catalog_age_seconds', 'refused_tags', 'table_version', 'workers', 'event_loop_delay_seconds'],
      ...['build_info', 'ejections_total', 'access_log_dropped_total', 'catalog_held_services'],
    ];
    const names = new Set(samples.map(({ name }) => name));
    for (const name of wanted) expect([name, names.has(`fairlead_${name}`)]).toEqual([name, true]);
    for (const { name, labels, value } of samples) {
      if (!name.endsWith('_bucket') || labels.le !== '+Inf') continue;
      const { le: _, ...rest } = labels;
      const stem = name.replace(/_bucket$/, '');
      const same = samples.filter(
        (each) => key({ ...each, labels: without(each.labels) }) === key({ name, labels: rest, value }),
      );
      const buckets = same.map((each) => each.value);
      expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
      expect(
        samples.find((each) => key(each) === key({ name: `${stem}_count`, labels: rest, value }))!.value,
      ).toBe(value);
    }
    function without({ le: _, ...rest }: Sample['labels']): Sample['labels'] {
      return rest;
    }
  });

  test('counters only grow, and count right', async () => {
    const before = await scrape();
    const labels = { route: 'svc.test/', service: 'svc', method: 'POST', code: '200', listener: 'web' };
    const count = await site.metric('fairlead_requests_total', labels);
    for (let i = 0; i < 25; i++) await site.get('svc.test', { method: 'POST', body: 'x' });
    expect(await site.metric('fairlead_requests_total', labels)).toBe(count + 25);
    const after = await scrape();
    const now = new Map(after.samples.map((sample) => [key(sample), sample.value]));
    for (const sample of before.samples) {
      const type = before.types.get(familyOf(sample.name, before.types));
      if (type === 'counter' || type === 'histogram')
        expect([key(sample), now.get(key(sample))! >= sample.value]).toEqual([key(sample), true]);
    }
  });

  test('clients cannot invent series', async () => {
    for (const host of ['svc.test', 'h.test'])
      for (const method of ['GET', 'BREW']) await site.get(host, { method });
    const both = async (): Promise<void> =>
      expect(await site.metrics()).toEqual(
        expect.arrayContaining(
          ['worker-0', 'worker-1'].map((thread) => expect.objectContaining({ labels: { thread } })),
        ),
      );
    await eventually(both, 'the first measurement of each thread');
    const before = await scrape();
    const hosts = Array.from({ length: 1000 }, (_, i) => i);
    for (let from = 0; from < hosts.length; from += 20) {
      await Promise.all(
        hosts.slice(from, from + 20).map((i) =>
          site.get(i % 2 === 0 ? `h${i}.test` : 'svc.test', {
            method: i % 3 === 0 ? `BREW${i}` : 'GET',
            path: `/p${i}?q=${i}`,
            headers: { 'User-Agent': `agent ${i}` },
          }),
        ),
      );
    }
    const after = await scrape();
    const known = new Set(before.samples.map(key));
    const added = after.samples.filter(
      (sample) => sample.name.startsWith('fairlead_') && !known.has(key(sample)),
    );
    expect(added.map(key)).toEqual([]);
    expect(JSON.stringify(after.samples)).not.toMatch(/BREW|h123|agent/);
  });

  test('series of what is gone disappear', async () => {
    const gone = await startBackend({ name: 'gone-1' });
    await registerBackend(consul, 'gone', gone, ['fairlead:gone.test/']);
    await eventually(async () => expect((await site.get('gone.test')).status).toBe(200));
    expect(await site.metric('fairlead_requests_total', { service: 'gone', code: '200' })).toBe(1);
    expect(await site.metric('fairlead_endpoint_up', { service: 'gone' })).toBe(1);
    await registerBackend(consul, 'gone', gone, []);
    await eventually(async () => expect((await site.get('gone.test')).status).toBe(404));
    await eventually(async () => {
      const { samples } = await scrape();
      expect(samples.filter(({ labels }) => labels.service === 'gone')).toEqual([]);
    });
    await deregister(consul, 'gone-1');
    await gone.close();
  });
});
