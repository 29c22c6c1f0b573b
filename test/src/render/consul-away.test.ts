import { describe, expect, test } from 'vitest';
import { freePort } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { Live, viewOf } from './live.ts';

/** What a renderer tells of a Consul that does not answer, and when it ends because of it. */

const builtin = ['-builtin', 'nginx=n.conf'];
const template = ['-template', 't:out'];

describe.each([
  ['templates', template],
  ['built-in targets', builtin],
  ['both', [...template, ...builtin]],
])('%s', (_, args) => {
  test('end with 14 after the number of attempts that was asked for, however Consul fails', async () => {
    const live = await Live.create({ t: '{{ range service "web" }}{{ .Port }}{{ end }}' });
    await live.registry.faults.refuseConnections();
    const session = await live.start([...args, '-consul-retry-attempts', '3']);
    expect(await session.ended).toBe(14);
  });

  test('count failed reads, and the age of what they have grows', async () => {
    const live = await Live.create({ t: '{{ range service "web" }}{{ .Port }}{{ end }}' });
    const port = await freePort();
    const session = await live.start([...args, '-admin', `127.0.0.1:${port}`]);
    await eventually(() => session.views().every(({ result }) => result === 'applied'));
    const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const ageS = async (): Promise<number> =>
      Number(/^fairlead_catalog_age_seconds (\S+)$/m.exec(await metrics())?.[1]);
    expect(await metrics()).not.toContain('fairlead_consul_errors_total{');
    expect(await ageS()).toBeLessThan(60);
    await live.registry.faults.refuseConnections();
    await eventually(async () =>
      expect(await metrics()).toMatch(/^fairlead_consul_errors_total\{kind="unreachable"\} [1-9]/m),
    );
    const before = await ageS();
    await eventually(async () => expect(await ageS()).toBeGreaterThan(before));
    expect(viewOf(session).result).toBe('applied');
  });
});

test('templates that ask Consul for nothing have no age', async () => {
  const live = await Live.create({ t: 'x' });
  const session = await live.start(template);
  await eventually(() => live.read('out') === 'x');
  expect(session.consulAgeMs()).toBeNull();
});
