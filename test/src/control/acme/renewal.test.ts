import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AcmeConfig } from '../../../../src/config/acme.ts';
import type { AcmeOptions } from '../../../../src/control/acme/manager.ts';
import { wallClock } from '../../../../src/control/acme/timing.ts';
import type { Store } from '../../../../src/control/store/store.ts';
import { type AcmeProxy, problem, startAcmeProxy } from '../../../support/acme-proxy.ts';
import {
  acmeConfig,
  certificateFor,
  type Replica,
  type Responder,
  startReplica,
  startResponder,
} from '../../../support/acme-site.ts';
import { memoryStore } from '../../../support/memory-store.ts';
import { type Pebble, skipPebble, startPebble } from '../../../support/pebble.ts';
import { eventually } from '../../../support/process.ts';

const hour = 3_600_000;
const day = 24 * hour;

describe.skipIf(skipPebble)('time and trouble, against Pebble behind a proxy', () => {
  let pebble: Pebble;
  let proxy: AcmeProxy;
  let responder: Responder;
  let replicas: Replica[] = [];
  let offset = 0;
  let made = 0;
  const clock = { ...wallClock, now: () => Date.now() + offset };

  beforeAll(async () => {
    pebble = await startPebble({ nonceReject: 0 });
    responder = await startResponder(pebble, () => replicas);
  });
  beforeEach(async () => {
    proxy = await startAcmeProxy(pebble);
    offset = 0;
  });
  afterEach(async () => {
    await Promise.all(replicas.map(({ manager }) => manager.stop()));
    replicas = [];
    await proxy.stop();
  });
  afterAll(async () => {
    await responder?.stop();
    await pebble?.stop();
  });

  async function replica(
    changes: Partial<AcmeConfig> = {},
    store: Store = memoryStore(),
    options: Partial<AcmeOptions> = {},
  ): Promise<Replica> {
    const started = await startReplica(acmeConfig(proxy, changes), store, { clock, ...options });
    replicas.push(started);
    return started;
  }

  const freshName = (): string => {
    made += 1;
    return `renew-${made}.example.com`;
  };
  /** Time has passed, and the manager is told to look. */
  function pass(ms: number, one: Replica, names: readonly string[]): void {
    offset += ms;
    one.manager.want(names);
  }
  const orders = () =>
    proxy.seen.filter(({ payload }) => Array.isArray(payload.identifiers)).map(({ payload }) => payload);
  const advice = (from: number, to: number, headers = {}) => ({
    ...{ status: 200, headers },
    body: {
      suggestedWindow: {
        start: new Date(clock.now() + from).toISOString(),
        end: new Date(clock.now() + to).toISOString(),
      },
      explanationURL: 'https://example.com/why',
    },
  });
  const statusOf = (one: Replica) => one.manager.status().certificates[0]!;

  test('renews at an instant of the window the authority suggests, and says what is replaced', async () => {
    const asked: string[] = [];
    const window = advice(10 * day, 12 * day);
    proxy.advise = (certId) => {
      asked.push(certId);
      return window;
    };
    const name = freshName();
    const one = await replica({ names: [name] });
    const first = await certificateFor(one, name);
    const { start, end } = window.body.suggestedWindow;
    await eventually(() => expect(statusOf(one).renewAt).toBeLessThan(Date.parse(end)));
    expect(statusOf(one).renewAt).toBeGreaterThanOrEqual(Date.parse(start));
    expect(asked[0]).toMatch(/^[\w-]+\.[\w-]+$/);
    expect(orders()[0]).not.toHaveProperty('replaces');
    pass(12 * day, one, [name]);
    await eventually(() => expect(one.of(name)?.certPem).not.toBe(first.certPem), { timeoutMs: 10_000 });
    expect(orders()[1]).toMatchObject({ replaces: asked[0], identifiers: [{ value: name }] });
    await eventually(() => expect(new Set(asked).size).toBe(2));
    expect(orders()).toHaveLength(2);
  });

  test('the instant is drawn once per window, and again when the authority moves the window', async () => {
    let window = advice(10 * day, 12 * day, { 'retry-after': '3600' });
    let asked = 0;
    proxy.advise = () => {
      asked += 1;
      return window;
    };
    const name = freshName();
    const store = memoryStore();
    const one = await replica({ names: [name] }, store);
    await certificateFor(one, name);
    /** The advice was taken, and the next is due in an hour: only then may time go on. */
    const taken = async (times: number): Promise<void> => {
      await eventually(async () => {
        const entry = (await store.list('acme/')).find(({ key }) => key.includes('/advice/'));
        const { checkAt } = JSON.parse(entry?.value ?? '{}') as { readonly checkAt?: number };
        return asked === times && (checkAt ?? 0) > clock.now();
      });
    };
    await taken(1);
    const drawn = await eventually(
      () => statusOf(one).renewAt! < Date.parse(window.body.suggestedWindow.end) && statusOf(one).renewAt!,
    );
    pass(hour + 1000, one, [name]);
    await taken(2);
    expect(statusOf(one).renewAt).toBe(drawn);
    window = advice(5 * day, 6 * day, { 'retry-after': '3600' });
    pass(hour + 1000, one, [name]);
    await eventually(() => expect(statusOf(one).renewAt).toBeLessThan(drawn));
    expect(asked).toBe(3);
    expect(orders()).toHaveLength(1);
  });

  test('advice that is always "now" does not make it order without end', async () => {
    proxy.advise = () => advice(-2 * day, -day);
    const name = freshName();
    const one = await replica({ names: [name] });
    const first = await certificateFor(one, name);
    await eventually(() => expect(statusOf(one).renewAt).toBe(first.notBefore + 4 * hour));
    pass(3 * hour, one, [name]);
    pass(2 * hour, one, [name]);
    await eventually(() => expect(one.of(name)?.certPem).not.toBe(first.certPem), { timeoutMs: 10_000 });
    expect(orders()).toHaveLength(2);
  });

  test('without advice it renews at two thirds of the life', async () => {
    const name = freshName();
    const one = await replica({ names: [name] });
    const first = await certificateFor(one, name);
    const life = first.notAfter - first.notBefore;
    const share = (statusOf(one).renewAt! - first.notBefore) / life;
    expect(share).toBeGreaterThan(0.62);
    expect(share).toBeLessThanOrEqual(2 / 3);
    pass(life * 0.6, one, [name]);
    await eventually(() => expect(statusOf(one).state).toBe('valid'));
    expect(one.of(name)?.certPem).toBe(first.certPem);
    pass(life * 0.07, one, [name]);
    await eventually(() => expect(one.of(name)?.certPem).not.toBe(first.certPem), { timeoutMs: 10_000 });
  });

  test('an authority that refuses "replaces" is asked without it', async () => {
    proxy.advise = () => advice(-2 * day, -day);
    proxy.intercept = ({ payload }) =>
      payload.replaces === undefined ? null : problem(409, 'alreadyReplaced', 'somebody was faster');
    const name = freshName();
    const one = await replica({ names: [name] });
    const first = await certificateFor(one, name);
    pass(5 * hour, one, [name]);
    await eventually(() => expect(one.of(name)?.certPem).not.toBe(first.certPem), { timeoutMs: 10_000 });
    expect(orders().map(({ replaces }) => replaces !== undefined)).toEqual([false, true, false]);
  });

  test('a rate limit holds one name for as long as the authority says, and no other', async () => {
    const [limited, free] = [freshName(), freshName()];
    proxy.intercept = ({ payload }) =>
      JSON.stringify(payload.identifiers ?? '').includes(limited)
        ? problem(429, 'rateLimited', 'too many certificates', { 'retry-after': '7200' })
        : null;
    const one = await replica({ names: [limited, free] });
    await certificateFor(one, free);
    const held = await eventually(() => statusOf(one).failures === 1 && statusOf(one));
    expect(held).toMatchObject({ state: 'waiting', problem: { type: 'rateLimited', status: 429 } });
    expect(held.nextAttemptAt! - clock.now()).toBeGreaterThan(7100_000);
    pass(hour, one, [limited, free]);
    proxy.intercept = () => null;
    pass(hour + 60_000, one, [limited, free]);
    await certificateFor(one, limited);
    expect(orders().filter(({ identifiers }) => JSON.stringify(identifiers).includes(limited))).toHaveLength(
      2,
    );
    await eventually(() => expect(statusOf(one).failures).toBe(0));
  });

  test('an authority in trouble is left alone; old certificates stay and no name is blamed', async () => {
    const [old, fresh] = [freshName(), freshName()];
    const one = await replica({ names: [old] });
    const { certPem } = await certificateFor(one, old);
    proxy.intercept = () => problem(503, 'serverInternal', 'maintenance', { 'retry-after': '600' });
    one.manager.want([fresh]);
    const trouble = await eventually(() => one.manager.status().problem ?? false);
    expect(trouble.status).toBe(503);
    expect(one.manager.status().certificates.map(({ failures }) => failures)).toEqual([0, 0]);
    const requests = proxy.seen.length;
    pass(9 * 60_000, one, [fresh]);
    await new Promise(setImmediate);
    expect(proxy.seen).toHaveLength(requests);
    expect(one.of(old)?.certPem).toBe(certPem);
    proxy.intercept = () => null;
    pass(2 * 60_000, one, [fresh]);
    await certificateFor(one, fresh);
    expect(one.manager.status().problem).toBeNull();
  });

  test('an account that the authority has forgotten is registered again with the same key', async () => {
    const [first, second] = [freshName(), freshName()];
    const store = memoryStore();
    const one = await replica({ names: [first] }, store);
    await certificateFor(one, first);
    const keyOf = async () => {
      const account = (await store.list('acme/')).find(({ key }) => key.includes('/account/'));
      return (JSON.parse(account!.value) as { keyPem: string }).keyPem;
    };
    const key = await keyOf();
    let refused = 0;
    proxy.intercept = ({ payload }) => {
      if (payload.identifiers === undefined || refused > 0) return null;
      refused += 1;
      return problem(400, 'accountDoesNotExist', 'who are you?');
    };
    one.manager.want([second]);
    await eventually(() => expect(refused).toBe(1));
    await eventually(() => expect(one.manager.status().problem?.type).toBe('accountDoesNotExist'));
    pass(60_000, one, [second]);
    await certificateFor(one, second);
    expect(await keyOf()).toBe(key);
  });

  test('orders beyond the hourly budget wait for the next hour', async () => {
    const names = [freshName(), freshName(), freshName()];
    const one = await replica({ names, ordersPerHour: 2, ordersAtOnce: 1 });
    await eventually(() => expect(one.manager.status().problem?.type).toBe('budget'), { timeoutMs: 10_000 });
    expect(one.certificates).toHaveLength(2);
    expect(orders()).toHaveLength(2);
    pass(hour, one, []);
    await eventually(() => expect(one.certificates).toHaveLength(3), { timeoutMs: 10_000 });
  });
});
