import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedRegistry, startRegistry } from '../../../../src/embedded/registry.ts';
import { type Recorder, type RecordOptions, record } from './recorder.ts';

const WEB = '/v1/health/service/web';
const RECOVERY = 2000;

let registry: EmbeddedRegistry;
let recorders: Recorder[] = [];

beforeEach(async () => {
  registry = await startRegistry();
  for (const name of ['web', 'api']) add(name);
});
afterEach(async () => {
  await Promise.all(recorders.map((recorder) => recorder.stop()));
  recorders = [];
  await registry.close();
});

function add(name: string): void {
  registry.register({
    Name: name,
    ID: name,
    Address: '10.0.0.1',
    Port: 80,
    Tags: [`route:${name}.test/`],
    Check: { TTL: '1h', Status: 'passing' },
  });
}

async function watch(options: RecordOptions = {}): Promise<Recorder> {
  const seen = record(registry.url, options);
  recorders.push(seen);
  await seen.completed();
  await registry.faults.blocked.whenOpen(3);
  return seen;
}

let flips = 0;
/** Flips the check of a service and waits until that is reported. */
async function flip(seen: Recorder, name: string, timeoutMs = RECOVERY): Promise<void> {
  const status = seen.health(name) === 'passing' ? 'critical' : 'passing';
  flips += 1;
  registry.setTtl(`service:${name}`, status, `flip ${flips}`);
  await seen.until(() => seen.health(name) === status, `${name} ${status}`, timeoutMs);
}

const losses = (seen: Recorder): string[] =>
  seen.events.filter((event) => event.instances.length === 0).map((event) => event.name);

describe('an empty answer for a service that had instances', () => {
  test('is not believed when a consistent read says otherwise', async () => {
    const seen = await watch();
    const fault = registry.faults.empty({ path: WEB, times: 1 });
    registry.faults.blocked.release(WEB);
    await seen.until(() => fault.hits === 1 && registry.faults.blocked.count(WEB) === 1, 'followed again');
    expect(seen.eventsOf('web')).toHaveLength(1);
    await flip(seen, 'web');
    expect(losses(seen)).toEqual([]);
  });

  test('is reported once confirmed, a quarter of a second later', async () => {
    const seen = await watch();
    const before = performance.now();
    registry.deregister('web');
    await seen.until(() => losses(seen).includes('web'), 'web is gone');
    expect(seen.eventsOf('web').at(-1)!.at - before).toBeGreaterThanOrEqual(249);
    await flip(seen, 'api');
  });

  test('is not believed while the confirmation fails', async () => {
    const seen = await watch();
    registry.faults.empty({ path: WEB, times: 1 });
    const fault = registry.faults.fail(500, 'boom', { path: WEB, times: 4 });
    registry.faults.blocked.release(WEB);
    // The early return meets the first failure; the reads after it meet the others.
    await seen.until(() => fault.hits === 4, 'all failures', 8000);
    await flip(seen, 'web', 4000);
    expect(losses(seen)).toEqual([]);
  });
});

describe('index', () => {
  test('backwards: doubt, then certainty after the hold time; nothing is lost', async () => {
    const seen = await watch();
    registry.faults.loseIndex('backwards', { path: WEB, times: 1 });
    registry.faults.blocked.release(WEB);
    await seen.until(() => seen.story.includes('certain'), 'certain');
    expect(seen.story[1]).toMatch(
      /^doubt: lost memory: index of \/v1\/health\/service\/web went from \d+ back/,
    );
    expect(seen.events).toHaveLength(2);
    await flip(seen, 'web');
  });

  test.each(['missing', 'zero', 'text', 'too-large'] as const)(
    '%s: polls slowly, flips are seen',
    async (how) => {
      const seen = await watch();
      const fault = registry.faults.loseIndex(how, { path: WEB });
      registry.faults.blocked.release(WEB);
      await seen.until(() => fault.hits === 1, 'met');
      await flip(seen, 'web');
      expect(fault.hits).toBe(2);
      expect(seen.story).toEqual(['complete']);
    },
  );

  test('early returns with nothing new change nothing', async () => {
    const seen = await watch();
    for (let i = 0; i < 5; i += 1) {
      registry.faults.blocked.release(WEB);
      await registry.faults.blocked.whenOpen(1, WEB);
    }
    expect(seen.events).toHaveLength(2);
  });
});

describe('answers that make no sense', () => {
  test.each(['truncated', 'html', 'null', { body: '{"a":1}' }] as const)(
    '%j keeps what is known',
    async (what) => {
      const seen = await watch();
      const fault = registry.faults.garbage(what);
      registry.faults.blocked.release();
      await seen.until(() => fault.hits > 8, 'met');
      expect(new Set(seen.errors)).toEqual(new Set(['bad_answer']));
      expect(seen.state().state).toBe('degraded');
      fault.clear();
      await flip(seen, 'web');
      await seen.until(() => seen.state().state === 'live', 'live');
      expect(losses(seen)).toEqual([]);
      expect(seen.warnings).toHaveLength(1);
    },
  );

  test('a body without end is given up', async () => {
    const seen = await watch();
    const fault = registry.faults.garbage('huge', { path: WEB, bytes: 80 * 1024 * 1024, times: 1 });
    registry.faults.blocked.release(WEB);
    await seen.until(() => seen.errors.includes('too_large'), 'too large');
    expect(fault.hits).toBe(1);
    await flip(seen, 'web');
  });

  test('a body cut short', async () => {
    const seen = await watch();
    registry.faults.cut({ path: WEB, times: 2 });
    registry.faults.blocked.release(WEB);
    await seen.until(() => seen.errors.includes('unreachable'), 'noticed');
    await flip(seen, 'web');
    expect(losses(seen)).toEqual([]);
  });
});

describe('refusals', () => {
  test.each([
    [403, 'Permission denied', 'acl', 'degraded'],
    [429, 'Your IP is issuing too many concurrent connections', 'rate_limited', 'degraded'],
    [502, '<html>bad gateway</html>', 'server', 'degraded'],
    [400, 'Bad request', 'server', 'degraded'],
    [500, 'No cluster leader', 'no_leader', 'down'],
  ])('%i %s: keeps what is known, says so once, recovers', async (status, body, kind, state) => {
    const seen = await watch();
    const fault = registry.faults.fail(status, body);
    registry.faults.blocked.release();
    await seen.until(() => fault.hits > 6, 'met', 8000);
    expect(new Set(seen.errors)).toEqual(new Set([kind]));
    expect(seen.state()).toMatchObject({ state });
    expect(seen.state().lastError).toContain(body);
    fault.clear();
    await flip(seen, 'web');
    await seen.until(() => seen.state().state === 'live', 'live');
    expect(seen.warnings).toHaveLength(1);
    expect(losses(seen)).toEqual([]);
    expect(seen.story).toEqual(['complete']);
  });

  test('of one service leave the others alone', async () => {
    const seen = await watch();
    const fault = registry.faults.fail(500, 'boom', { path: WEB });
    registry.faults.blocked.release(WEB);
    await seen.until(() => seen.errors.length > 0, 'noticed');
    await flip(seen, 'api', 500);
    expect(seen.state().state).toBe('degraded');
    expect(seen.health('web')).toBe('passing');
    fault.clear();
    await flip(seen, 'web');
  });
});

test.each([100, 1])(
  'a service that leaves while it fails leaves no fault behind, budget %i',
  async (connections) => {
    const seen = await watch({ config: { connections } });
    const path = '/v1/health/service/bad';
    const fault = registry.faults.fail(500, 'boom', { path });
    add('bad');
    await seen.until(() => fault.hits > 1, 'met');
    expect(seen.state().state).toBe('degraded');
    registry.deregister('bad');
    await seen.until(() => seen.state().state === 'live', 'live');
    expect(seen.services.has('bad')).toBe(false);
  },
);

describe('the source away', () => {
  test('refused connections: one prober, what happened meanwhile is seen within two seconds', async () => {
    for (let i = 0; i < 40; i += 1) add(`more-${i}`);
    const seen = await watch();
    await registry.faults.refuseConnections();
    await seen.until(() => seen.state().state === 'down', 'down');
    expect(new Set(seen.errors)).toEqual(new Set(['unreachable']));
    registry.setTtl('service:web', 'critical', 'while away');
    const asked = registry.faults.requestCount();
    const before = performance.now();
    await registry.faults.acceptAgain();
    await seen.until(() => seen.health('web') === 'critical', 'web critical', RECOVERY);
    await registry.faults.blocked.whenOpen(43);
    expect(performance.now() - before).toBeLessThan(RECOVERY);
    // A knock, one read to look and one to wait for each watch.
    expect(registry.faults.requestCount() - asked).toBeLessThanOrEqual(2 * 43 + 2);
    expect(losses(seen)).toEqual([]);
    expect(seen.state().state).toBe('live');
  });

  test('no leader: only the prober asks', async () => {
    const seen = await watch();
    const fault = registry.faults.fail(500, 'No cluster leader');
    registry.faults.blocked.release();
    await seen.until(() => fault.hits > 3, 'met');
    const asked = registry.faults.requestCount((path) => path !== '/v1/status/leader');
    await seen.until(() => fault.hits > 8, 'knocking', 8000);
    expect(registry.faults.requestCount((path) => path !== '/v1/status/leader') - asked).toBeLessThanOrEqual(
      2,
    );
    fault.clear();
    await flip(seen, 'web');
  });

  test('stalled and released', async () => {
    const seen = await watch();
    const stall = registry.faults.stall();
    registry.faults.dropConnections();
    registry.setTtl('service:web', 'critical', 'while stalled');
    await seen.until(() => stall.hits > 0, 'met');
    expect(losses(seen)).toEqual([]);
    stall.clear();
    await seen.until(() => seen.health('web') === 'critical', 'web critical', RECOVERY);
  });

  test('memory wiped: doubt comes before the losses', async () => {
    for (let i = 0; i < 5; i += 1) add(`more-${i}`);
    const seen = await watch();
    let lossesAtDoubt = -1;
    const doubted = seen
      .until(() => seen.story.length > 1, 'doubt')
      .then(() => (lossesAtDoubt = losses(seen).length));
    registry.faults.wipe();
    await doubted;
    expect(seen.story[1]).toMatch(/^doubt: /);
    expect(lossesAtDoubt).toBe(0);
    await seen.until(() => losses(seen).length === 7, 'all gone');
    add('web');
    await seen.until(() => seen.health('web') === 'passing', 'web is back');
  });

  test('starts before its source', async () => {
    await registry.faults.refuseConnections();
    const seen = record(registry.url);
    recorders.push(seen);
    await seen.until(() => seen.state().state === 'down', 'down');
    expect(seen.state().ageMs).toBe(null);
    await registry.faults.acceptAgain();
    await seen.until(() => seen.story.includes('complete'), 'complete', RECOVERY);
    expect(seen.services.size).toBe(2);
  });
});

describe('services list', () => {
  test('empty, while the services themselves answer: doubt, and no loss', async () => {
    const seen = await watch();
    const asked = registry.faults.requestCount(WEB);
    const fault = registry.faults.empty({ path: '/v1/catalog/services' });
    registry.faults.blocked.release('/v1/catalog');
    await seen.until(() => seen.story.includes('certain'), 'certain');
    expect(seen.story).toEqual(['complete', 'doubt: the services list lacks consul itself', 'certain']);
    expect(losses(seen)).toEqual([]);
    // Each was asked for itself instead.
    expect(registry.faults.requestCount(WEB) - asked).toBe(2);
    fault.clear();
    await flip(seen, 'web');
  });

  test('without consul from the start: a filtered token, no doubt', async () => {
    const body = JSON.stringify({ web: ['route:web.test/'] });
    registry.faults.garbage({ body }, { path: '/v1/catalog/services' });
    const seen = record(registry.url);
    recorders.push(seen);
    await seen.completed();
    registry.faults.blocked.release('/v1/catalog');
    await flip(seen, 'web');
    expect(seen.story).toEqual(['complete']);
  });

  test('services that static routes name are followed without tags, also when they join the wish later', async () => {
    registry.register({ Name: 'plain', Port: 80 });
    registry.register({ Name: 'late', Port: 80 });
    const wanted = new Set(['plain', 'absent']);
    const seen = await watch({ wanted: () => wanted });
    expect([...seen.services.keys()].sort()).toEqual(['absent', 'api', 'plain', 'web']);
    expect(seen.services.get('absent')).toEqual([]);
    wanted.add('late');
    seen.refresh();
    await seen.until(() => seen.health('late') === 'passing', 'late');
  });

  test('refused entries are told with their reason, and taken back', async () => {
    const seen = await watch();
    registry.register({ Name: 'web', ID: 'web-2', Address: '169.254.169.254', Port: 80 });
    await seen.until(() => seen.refused.get('web')?.length === 1, 'refused');
    expect(seen.refused.get('web')![0]).toMatchObject({ reason: 'link-local address' });
    expect(seen.health('web')).toBe('passing');
    registry.deregister('web-2');
    await seen.until(() => seen.refused.get('web')?.length === 0, 'taken back');
  });
});

test('idle: one request per watch and wait', async () => {
  const waitMs = 250;
  const seen = await watch({ config: { waitMs }, kvPath: 'fabio' });
  const before = registry.faults.requestCount();
  const from = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 4 * waitMs));
  const waits = Math.ceil((performance.now() - from) / waitMs);
  expect(registry.faults.requestCount() - before).toBeLessThanOrEqual(4 * (waits + 1));
  expect(seen.state()).toMatchObject({ state: 'live', watches: 4 });
  expect(seen.state().connections).toBeLessThanOrEqual(8);
});

describe('250 services over 200 connections', () => {
  test('switches to aggregate, sees flips, and returns when there are few', async () => {
    for (let i = 0; i < 250; i += 1) add(`svc-${i}`);
    const seen = record(registry.url, { config: { connections: 200 } });
    recorders.push(seen);
    await seen.completed();
    expect(seen.services.size).toBe(252);
    expect(seen.state()).toMatchObject({ mode: 'aggregate', watches: 3 });
    await registry.faults.blocked.whenOpen(3);
    for (const name of ['svc-0', 'svc-249', 'svc-0', 'web']) await flip(seen, name, 500);

    for (let i = 100; i < 250; i += 1) registry.deregister(`svc-${i}`);
    await seen.until(() => losses(seen).length === 150, 'gone', 10_000);
    await seen.until(() => seen.state().mode === 'per-service', 'per-service');
    await registry.faults.blocked.whenOpen(103);
    await flip(seen, 'svc-1', 500);
    expect(new Set(losses(seen)).size).toBe(150);
    expect(seen.story).toEqual(['complete']);
    expect(seen.errors).toEqual([]);
  });

  test('an outage in aggregate mode loses nothing', async () => {
    for (let i = 0; i < 50; i += 1) add(`svc-${i}`);
    const seen = record(registry.url, { config: { connections: 10 } });
    recorders.push(seen);
    await seen.completed();
    await registry.faults.blocked.whenOpen(3);
    await registry.faults.refuseConnections();
    await seen.until(() => seen.state().state === 'down', 'down');
    registry.setTtl('service:svc-7', 'critical', 'while away');
    await registry.faults.acceptAgain();
    await seen.until(() => seen.health('svc-7') === 'critical', 'svc-7 critical', RECOVERY);
    expect(losses(seen)).toEqual([]);
  });

  test('node maintenance reaches all services of the node', async () => {
    for (let i = 0; i < 30; i += 1) add(`svc-${i}`);
    const seen = record(registry.url, { config: { connections: 10 } });
    recorders.push(seen);
    await seen.completed();
    await registry.faults.blocked.whenOpen(3);
    registry.setNodeMaintenance(true);
    const down = (): boolean =>
      [...seen.services.keys()].every((name) => seen.health(name) === 'maintenance');
    await seen.until(down, 'all in maintenance', RECOVERY);
  });
});
