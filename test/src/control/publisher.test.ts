import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Instance } from '../../../router/model.ts';
import { Planner } from '../../../router/planner.ts';
import type { StaticEntry } from '../../../router/static-routes.ts';
import { EndpointSlots } from '../../../src/control/endpoint-slots.ts';
import { Guard } from '../../../src/control/guard.ts';
import type { Cause } from '../../../src/control/history/entry.ts';
import type { Log } from '../../../src/control/log.ts';
import { PoolSlots } from '../../../src/control/pool-slots.ts';
import { Publisher } from '../../../src/control/publisher.ts';
import { readStatics } from '../../../src/control/statics.ts';
import type { ToWorker } from '../../../src/shared/messages.ts';
import { createQueuesLayout, QueueCounters } from '../../../src/shared/queue-counters.ts';
import { instance, instances } from './facts.ts';

type TableMessage = Extract<ToWorker, { type: 'table' }>;

const HOLD_MS = 60_000;
const FORGET_MS = 600_000;

let now: number;
let sent: TableMessage[];
let receivedAt: number[];
let saved: Map<string, readonly Instance[]>;
let completions: number;
let slots: EndpointSlots;
let publisher: Publisher;
let warnings: string[];
let noted: Cause[];
let committed: number[];

beforeEach(() => {
  now = 1_000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  sent = [];
  receivedAt = [];
  saved = new Map();
  completions = 0;
  warnings = [];
  noted = [];
  committed = [];
  const accepts = (health: Instance['health']): boolean => health === 'passing';
  const dialects = { fairlead: true, fabio: { prefix: 'urlprefix-' } };
  const log = {
    ...{ isLevelEnabled: () => false, info: () => {}, debug: () => {}, error: () => {} },
    warn: (_fields: object, message: string) => void warnings.push(message),
  };
  slots = new EndpointSlots(1_000, 1, () => {});
  publisher = new Publisher({
    planner: new Planner({
      ...{ dialects, datacenter: '', listeners: ['web'], accepts },
      ...{ tcpPorts: null, udpPorts: null, takenPorts: new Map(), tlsListeners: [] },
    }),
    guard: new Guard({ holdMs: HOLD_MS, accepts, now: () => now }),
    poolSlots: new PoolSlots(new QueueCounters(createQueuesLayout(1))),
    ...{ endpointSlots: slots, forgetMs: FORGET_MS, log: log as unknown as Log },
    broadcast: (message, at) => {
      sent.push(message);
      receivedAt.push(at);
    },
    onRoutes: () => {},
    onService: (service, list) => void saved.set(service, list),
    onComplete: () => void completions++,
    onChecks: () => {},
    history: {
      note: (cause) => void noted.push(cause),
      committed: (version, { routes, pools }) => {
        if (routes.set.length + routes.drop.length + pools.set.length + pools.drop.length > 0)
          committed.push(version);
      },
    },
  });
  return () => vi.restoreAllMocks();
});

/** Routes and the addresses of their pools, as workers know them after everything sent so far. */
function live(): Record<string, number[]> {
  const routes = new Map<string, string | null>();
  const pools = new Map<string, number[]>();
  for (const message of sent) {
    for (const pool of message.pools.set) pools.set(pool.name, pool.endpoints.map(({ port }) => port).sort());
    for (const id of message.routes.drop) routes.delete(id);
    for (const route of message.routes.set) routes.set(route.id, route.pool);
    for (const name of message.pools.drop) pools.delete(name);
  }
  return Object.fromEntries([...routes].map(([id, pool]) => [id, pools.get(pool ?? '') ?? []]));
}

function statics(rule: string, to: Pick<StaticEntry, 'service'> & { to?: string[] }): readonly StaticEntry[] {
  const result = readStatics({
    routes: [{ rule, to: to.to ?? [], service: to.service, at: 'f:1:1' }],
    tcp: { ports: null, host: '', proxyProtocol: false },
    udp: { ports: null, host: '' },
    admin: { address: { host: '127.0.0.1', port: 9998 }, token: null },
    listeners: [
      { name: 'web', address: { host: '', port: 80 }, protocol: 'http', proxyProtocol: false, http2: false },
    ],
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.entries;
}

describe('commits', () => {
  test('news of one turn is one message, with the time of the first', async () => {
    publisher.service('a', instances('a', 2), 900);
    publisher.service('b', instances('b', 1), 950);
    expect(sent).toEqual([]);
    await nextTurn();
    expect(sent.map(({ version, reset }) => ({ version, reset }))).toEqual([{ version: 1, reset: false }]);
    expect(receivedAt).toEqual([900]);
    expect(live()).toEqual({ 'a.test/': [1001, 1002], 'b.test/': [1001] });
  });

  test('news that changes nothing is not sent', async () => {
    publisher.service('a', instances('a', 2), now);
    await nextTurn();
    publisher.service('a', instances('a', 2), now);
    publisher.service('unrouted', instances('unrouted', 2, { tags: ['v1'] }), now);
    await nextTurn();
    expect(publisher.version).toBe(1);
    expect(sent).toHaveLength(1);
  });

  test('completeness is sent even when nothing else changed', async () => {
    publisher.complete([]);
    expect(sent).toMatchObject([{ version: 1, isComplete: true, routes: { set: [], drop: [] } }]);
    expect(completions).toBe(1);
  });

  test('a late worker gets the same table, with the same numbers', async () => {
    publisher.service('a', instances('a', 2), now);
    publisher.service('b', instances('b', 1), now);
    await nextTurn();
    const full = publisher.full();
    expect(full).toMatchObject({ reset: true, version: 1 });
    const numbers = (message: TableMessage): unknown[] => [
      ...message.routes.set.map(({ id, slot }) => [id, slot]),
      ...message.pools.set.flatMap(({ endpoints }) => endpoints.map(({ id, slot }) => [id, slot])),
    ];
    expect(numbers(full).sort()).toEqual(numbers(sent[0]!).sort());
    expect(slots.departing()).toEqual([]);
  });

  test('a route that is gone ends its numbers, which are never used again', async () => {
    publisher.service('a', instances('a', 1), now);
    await nextTurn();
    const { slot } = sent[0]!.routes.set[0]!;
    publisher.service('a', instances('a', 1, { tags: ['fairlead:other.test/'] }), now);
    await nextTurn();
    expect(sent[1]!.routes.drop).toEqual(['a.test/']);
    expect(sent[1]!.forgetRoutes).toEqual([slot]);
    publisher.service('a', instances('a', 1), now);
    await nextTurn();
    expect(sent[2]!.routes.set[0]!.slot).toBeGreaterThan(slot);
    expect(publisher.routeOfSlot(slot)).toBeUndefined();
  });

  test('endpoints beyond the limit are left out, the others are served', async () => {
    const many = Array.from({ length: 1_002 }, (_, i) => instance('many', i + 1));
    publisher.service('many', many, now);
    await nextTurn();
    expect(sent[0]!.pools.set[0]!.endpoints).toHaveLength(1_000);
  });
});

describe('a service that leaves the catalog', () => {
  beforeEach(async () => {
    publisher.service('a', instances('a', 2), now);
    await nextTurn();
    publisher.service('a', [], now);
    await nextTurn();
  });

  test('keeps its routes without instances, then is forgotten', async () => {
    expect(live()).toEqual({ 'a.test/': [] });
    expect(saved.get('a')).toEqual([]);
    now += FORGET_MS - 1;
    publisher.tick();
    await nextTurn();
    expect(live()).toEqual({ 'a.test/': [] });
    now += 1;
    publisher.tick();
    await nextTurn();
    expect(live()).toEqual({});
    expect(publisher.catalog.has('a')).toBe(false);
  });

  test('keeps them when it is reported gone once more', async () => {
    publisher.service('a', [], now);
    publisher.complete([]);
    await nextTurn();
    expect(live()).toEqual({ 'a.test/': [] });
  });

  test('keeps them when the operator’s routes are read again', async () => {
    for (const rule of ['b.test/', 'c.test/']) {
      publisher.setStatics(statics(rule, { service: 'a' }));
      await nextTurn();
      expect(live()).toMatchObject({ 'a.test/': [] });
    }
  });

  test('is served again when it returns, and not forgotten any more', async () => {
    publisher.service('a', instances('a', 1), now);
    await nextTurn();
    expect(live()).toEqual({ 'a.test/': [1001] });
    now += 2 * FORGET_MS;
    publisher.tick();
    await nextTurn();
    expect(live()).toEqual({ 'a.test/': [1001] });
  });
});

describe('the saved catalog', () => {
  beforeEach(() => {
    publisher.restore(
      new Map([
        ['kept', instances('kept', 1)],
        ['gone', instances('gone', 1)],
        ['unread', instances('unread', 1)],
      ]),
    );
  });

  test('is live and complete at once', () => {
    expect(completions).toBe(1);
    expect(sent.at(-1)!.isComplete).toBe(true);
    expect(live()).toEqual({ 'kept.test/': [1001], 'gone.test/': [1001], 'unread.test/': [1001] });
  });

  test('is corrected when the source has said everything; what it could not say stays', async () => {
    publisher.service('kept', instances('kept', 2), now);
    publisher.complete(['unread']);
    await nextTurn();
    expect(live()).toEqual({ 'kept.test/': [1001, 1002], 'gone.test/': [], 'unread.test/': [1001] });
  });
});

describe('doubt', () => {
  test('a held loss is not live, not saved, and told once', async () => {
    publisher.service('a', instances('a', 2), now);
    publisher.service('b', instances('b', 2), now);
    await nextTurn();
    publisher.doubt('it forgot');
    publisher.service('a', [], now);
    publisher.service('b', [], now);
    await nextTurn();
    expect(live()).toEqual({ 'a.test/': [1001, 1002], 'b.test/': [1001, 1002] });
    expect(saved.get('a')).toHaveLength(2);
    expect(warnings.filter((message) => message.startsWith('a loss'))).toHaveLength(1);
    publisher.certain();
    await nextTurn();
    expect(live()).toEqual({ 'a.test/': [], 'b.test/': [] });
  });

  test('a mass loss is live for no longer than it takes to see that it is one', async () => {
    const services = ['a', 'b', 'c', 'd'];
    for (const name of services) publisher.service(name, instances(name, 3), now);
    await nextTurn();
    const before = live();
    for (const name of services) {
      publisher.service(name, [], now);
      await nextTurn();
    }
    expect(live()).toEqual(before);
    expect(saved.get('a')).toHaveLength(3);
    now += HOLD_MS;
    publisher.tick();
    await nextTurn();
    expect(live()).toEqual({ 'a.test/': [], 'b.test/': [], 'c.test/': [], 'd.test/': [] });
  });

  test('after an absence, failing checks are held for a while', async () => {
    publisher.service('a', instances('a', 2), now);
    publisher.returned();
    publisher.service('a', instances('a', 2, { health: 'critical' }), now);
    await nextTurn();
    expect(live()).toEqual({ 'a.test/': [1001, 1002] });
    now += HOLD_MS;
    publisher.tick();
    await nextTurn();
    expect(live()).toEqual({ 'a.test/': [] });
  });

  test('fewer KV lines wait until the source is certain; other lines do not', async () => {
    const line = (host: string): readonly [string, string] => [
      host,
      `route add kv ${host}/ http://10.0.0.9:80/`,
    ];
    publisher.lines('kv', [line('a.test'), line('b.test')], now);
    await nextTurn();
    expect(Object.keys(live()).sort()).toEqual(['a.test/ prefix', 'b.test/ prefix']);
    publisher.doubt('it forgot');
    publisher.lines('kv', [], now);
    await nextTurn();
    expect(Object.keys(live())).toHaveLength(2);
    publisher.lines('kv', [line('a.test'), line('c.test')], now);
    await nextTurn();
    expect(Object.keys(live()).sort()).toEqual(['a.test/ prefix', 'c.test/ prefix']);
    publisher.lines('kv', [line('c.test')], now);
    publisher.certain();
    await nextTurn();
    expect(Object.keys(live())).toEqual(['c.test/ prefix']);
  });
});

describe('what is set aside', () => {
  test('comes from tags, lines and the provider, and disappears with its cause', async () => {
    publisher.service('a', instances('a', 1, { tags: ['fairlead:a.test/', 'fairlead:a.test/ typo'] }), now);
    publisher.lines('kv', [['fabio/config', '# a remark\nroute add nonsense']], now);
    publisher.refused('b', [
      { provider: 'consul', service: 'b', instance: 'n/b', text: '', reason: 'no port' },
    ]);
    expect(
      publisher.refusals().map(({ provider, service, instance: of }) => [provider, service, of]),
    ).toEqual([
      ['consul', 'b', 'n/b'],
      ['consul', 'a', 'n/a-1'],
      ['kv', '', 'fabio/config:2'],
    ]);
    publisher.refused('b', []);
    publisher.lines('kv', [], now);
    publisher.service('a', instances('a', 1), now);
    expect(publisher.refusals()).toEqual([]);
    await nextTurn();
    expect(live()).toEqual({ 'a.test/': [1001] });
  });
});

describe('the history is told', () => {
  const news = (): string[] =>
    noted
      .splice(0)
      .map((cause) =>
        cause.kind === 'service'
          ? `${cause.service} ${cause.how} ${cause.before.length}→${cause.after.length}`
          : cause.kind,
      );

  test('what came in, and how', async () => {
    publisher.restore(new Map([['a', instances('a', 2)]]));
    publisher.service('a', instances('a', 1), now);
    publisher.setStatics([]);
    publisher.lines('kv', [['k', '']], now);
    publisher.checked('a@10.0.0.97:1001 /up 1000', false);
    publisher.service('a', [], now);
    await nextTurn();
    expect(news()).toEqual([
      ...['a saved 0→2', 'a reported 2→1', 'config', 'lines', 'check', 'a reported 1→0'],
    ]);
    now += FORGET_MS;
    publisher.tick();
    expect(news()).toEqual(['forgotten']);
    await nextTurn();
  });

  test('what was held, taken back and released', async () => {
    const services = ['a', 'b', 'c', 'd'];
    for (const name of services) publisher.service(name, instances(name, 3), now);
    news();
    for (const name of services) publisher.service(name, [], now);
    expect(news()).toEqual([
      ...['a reported 3→0', 'b reported 3→0', 'c reported 3→0', 'd held 3→3'],
      ...['a taken-back 0→3', 'b taken-back 0→3', 'c taken-back 0→3'],
    ]);
    now += HOLD_MS;
    publisher.tick();
    expect(news().sort()).toEqual(services.map((name) => `${name} released 3→0`));
    await nextTurn();
  });

  test('which versions changed something', async () => {
    publisher.complete([]);
    publisher.service('a', instances('a', 1), now);
    await nextTurn();
    publisher.service('a', instances('a', 1), now);
    await nextTurn();
    expect([committed, publisher.version]).toEqual([[2], 2]);
  });

  test('versions go on where an earlier life ended, which published nothing here', async () => {
    publisher.startFrom(41);
    expect(publisher.hasPublished).toBe(false);
    publisher.service('a', instances('a', 1), now);
    await nextTurn();
    expect([publisher.hasPublished, committed]).toEqual([true, [42]]);
  });
});
