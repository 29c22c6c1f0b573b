import { expect, test } from 'vitest';
import { Dependencies } from '../../../src/render/dependencies/dependencies.ts';
import type { CreateRenderers } from '../../../src/render/renderer.ts';
import { createRenderers } from '../../../src/render/renderers.ts';
import { eventually } from '../../support/process.ts';
import { fastClock } from './fast-clock.ts';
import { Live, viewOf } from './live.ts';

/** As the command has them, on a clock that runs faster. */
function renderersOn(clock: ReturnType<typeof fastClock>, text: string): CreateRenderers {
  return async (config, { log, changed, gaveUp }) => {
    const dependencies = new Dependencies({
      ...{ config: config.consul, log, clock },
      attempts: config.retry.attempts,
      onGaveUp: gaveUp,
      onError: () => {},
      onChange: changed,
    });
    const renderers = createRenderers(
      config.templates.flatMap(({ name, language }) =>
        language.kind === 'consul-template' ? [{ ...language, name, text }] : [],
      ),
      dependencies,
      { environment: () => undefined, performsEffects: true, onWarning: () => {} },
    );
    return {
      renderers,
      countInstances: () => null,
      consulAgeMs: () => null,
      retain() {},
      close: () => dependencies.close(),
    };
  };
}

test('trap 3, Consul away for ten minutes: it lives, the file is not touched, and it goes on by itself', async () => {
  const clock = fastClock(200);
  const live = await Live.create({ t: '' });
  live.service('web', 80);
  let code: number | null = null;
  const text = '{{ range service "web" }}{{ .Port }} {{ end }}';
  const session = await live.start(['-template', 't:out'], renderersOn(clock, text));
  void session.ended.then((ended) => {
    code = ended;
  });
  await eventually(() => live.read('out') === '80 ');
  const before = live.identity('out');
  const since = clock.now();
  await live.registry.faults.refuseConnections();
  await eventually(() => clock.now() - since > 10 * 60_000, { timeoutMs: 20_000 });
  expect(code).toBeNull();
  expect(live.identity('out')).toEqual(before);
  expect(viewOf(session).reason).toBeNull();
  live.service('web', 81);
  await live.registry.faults.acceptAgain();
  await eventually(() => live.read('out') === '80 81 ');
});

test('trap 3, a number of attempts that was asked for ends it with 14', async () => {
  const live = await Live.create({ t: '' });
  const createRenderers = renderersOn(fastClock(200), '{{ key "k" }}');
  const session = await live.start(['-template', 't:out', '-consul-retry-attempts', '12'], createRenderers);
  await live.registry.faults.refuseConnections();
  expect(await session.ended).toBe(14);
});

test('Consul is not there at the start: the file of before stays, and is written when it comes', async () => {
  const live = await Live.create({ t: '{{ key "k" }}', out: 'of before' });
  live.registry.putKey('k', 'new');
  await live.registry.faults.refuseConnections();
  const session = await live.start(['-template', `t:${live.dir}/out`]);
  await eventually(() => viewOf(session).result === 'missing');
  expect(live.read('out')).toBe('of before');
  await live.registry.faults.acceptAgain();
  await eventually(() => live.read('out') === 'new');
});
