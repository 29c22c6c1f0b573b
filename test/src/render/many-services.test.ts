import { watch } from 'node:fs';
import { expect, test } from 'vitest';
import { eventually } from '../../support/process.ts';
import { Live } from './live.ts';

const services = 2000;

const text = `{{ range services }}{{ if ne .Name "consul" }}upstream {{ ident .Name }} {
{{ range service .Name }}  server {{ host .Address }}:{{ .Port }};
{{ else }}  server 127.0.0.1:65535;
{{ end }}}
{{ end }}{{ end }}`;

test('two thousand services in one template: a flip is in the file in no time', async () => {
  const live = await Live.create({ t: text });
  for (let n = 0; n < services; n++)
    live.service(`s${n}`, 1000 + n, { Check: { TTL: '30m', Status: 'passing' } });
  await live.start(['-template', 't:out']);
  const hasAll = (): boolean => (live.read('out') ?? '').split('server 10.').length === services + 1;
  await eventually(hasAll, { timeoutMs: 60_000, what: 'all services' });
  const tookMs: number[] = [];
  for (let n = 0; n < 10; n++) {
    const status = n % 2 === 0 ? 'critical' : 'passing';
    const isThere = (): boolean => (live.read('out') ?? '').includes(':1007;');
    const start = performance.now();
    const seen = Promise.withResolvers<void>();
    const watcher = watch(live.dir, () => {
      if (isThere() === (status === 'passing')) seen.resolve();
    });
    live.registry.setTtl('service:s7-1007', status);
    await seen.promise;
    watcher.close();
    tookMs.push(performance.now() - start);
    // A watch that was answered waits a moment before it asks again, which a second flip at once would find.
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const [median, worst] = [tookMs.toSorted((a, b) => a - b)[5]!, Math.max(...tookMs)];
  process.stdout.write(
    `    ${services} services: median ${Math.round(median)} ms, worst ${Math.round(worst)} ms\n`,
  );
  expect(median).toBeLessThan(500);
}, 120_000);
