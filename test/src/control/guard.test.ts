import { beforeEach, describe, expect, test } from 'vitest';
import type { Instance } from '../../../router/model.ts';
import { Guard } from '../../../src/control/guard.ts';
import { instance, instances } from './facts.ts';

const HOLD_MS = 60_000;

let now: number;
let guard: Guard;

beforeEach(() => {
  now = 1_000;
  guard = new Guard({ holdMs: HOLD_MS, accepts: (health) => health === 'passing', now: () => now });
});

const idsOf = (list: readonly Instance[]): string[] => list.map(({ serviceId }) => serviceId).sort();

/** What is applied after this news, as ids. */
const admit = (service: string, news: readonly Instance[]): string[] => idsOf(guard.admit(service, news));

/** Five services of four instances each, a minute ago. */
function fill(): string[] {
  const services = ['a', 'b', 'c', 'd', 'e'];
  for (const service of services) guard.admit(service, instances(service, 4));
  now += 60_000;
  return services;
}

describe('what happens every day is believed', () => {
  test('one service loses everything, as the only one or among others', () => {
    expect(admit('a', instances('a', 50))).toHaveLength(50);
    expect(admit('a', [])).toEqual([]);
    fill();
    expect(admit('b', [])).toEqual([]);
    expect(guard.reason).toBeNull();
  });

  test('news without a loss is passed on as it is', () => {
    const news = instances('a', 3);
    expect(guard.admit('a', news)).toBe(news);
    const failing = [instance('a', 1), instance('a', 2, { health: 'critical' })];
    expect(guard.admit('a', failing)).toBe(failing);
  });

  test('instances are replaced one by one, in every service', () => {
    for (let round = 0; round < 4; round++) {
      for (const service of fill()) {
        const next = instances(service, 4).map((each, i) => (i <= round ? instance(service, i + 10) : each));
        expect(admit(service, next)).toEqual(idsOf(next));
      }
    }
    expect(guard.heldServices).toBe(0);
  });

  test('an instance that flaps is one loss, however often', () => {
    fill();
    for (let i = 0; i < 40; i++) {
      for (const service of ['a', 'b', 'c']) {
        const failing = [instance(service, 1, { health: 'critical' }), ...instances(service, 4).slice(1)];
        expect(guard.admit(service, failing)).toBe(failing);
        guard.admit(service, instances(service, 4));
        now += 10;
      }
    }
    expect(guard.reason).toBeNull();
  });

  test('losses that are spread over time', () => {
    for (const service of fill()) {
      expect(admit(service, [])).toEqual([]);
      now += 5_001;
    }
    expect(guard.reason).toBeNull();
  });

  test('maintenance, of however many', () => {
    for (const service of fill()) {
      const news = instances(service, 4, { health: 'maintenance' });
      expect(guard.admit(service, news)).toBe(news);
    }
    expect(guard.reason).toBeNull();
  });
});

describe('a mass loss', () => {
  test('is held as a whole, and comes back when its time is over', () => {
    const [a, b, c, d, e] = fill() as [string, string, string, string, string];
    expect(admit(a, [])).toEqual([]);
    expect(admit(b, instances(b, 1))).toEqual(['b-1']);
    expect(admit(c, instances(c, 2))).toEqual(['c-1', 'c-2']);
    expect(admit(c, instances(c, 1))).toEqual(['c-1']);
    expect(guard.takenBack()).toEqual([]);
    // Ten of twenty are half; the eleventh is more.
    expect(admit(d, instances(d, 3))).toEqual(['d-1', 'd-2', 'd-3', 'd-4']);
    expect(new Map(guard.takenBack().map(([name, list]) => [name, idsOf(list)]))).toEqual(
      new Map([a, b, c].map((name) => [name, idsOf(instances(name, 4))])),
    );
    expect(guard.takenBack()).toEqual([]);
    expect(guard.reason).toBe('most instances disappeared at once');
    expect(guard.heldServices).toBe(4);
    expect(admit(d, [])).toHaveLength(4);
    expect(guard.due()).toEqual([]);
    now += HOLD_MS - 1;
    expect(guard.due()).toEqual([]);
    now += 1;
    expect(new Map(guard.due().map(([name, news]) => [name, idsOf(news)]))).toEqual(
      new Map([
        [a, []],
        [b, ['b-1']],
        [c, ['c-1']],
        [d, []],
      ]),
    );
    expect(guard.reason).toBeNull();
    // Nothing of it weighs on what comes later.
    expect(admit(e, [])).toEqual([]);
  });

  test('does not take back what has a new owner or fails its checks', () => {
    const [a, b, c] = fill() as [string, string, string];
    const { address, port } = instance(a, 2);
    guard.admit(a, []);
    guard.admit(b, instances(b, 4, { health: 'critical' }));
    guard.admit('heir', [instance('heir', 1, { address, port })]);
    guard.admit(c, []);
    expect(guard.reason).not.toBeNull();
    expect(guard.takenBack().map(([name, list]) => [name, idsOf(list)])).toEqual([
      [a, ['a-1', 'a-3', 'a-4']],
    ]);
  });

  test('what is new in held news is applied at once', () => {
    for (const service of fill().slice(0, 3)) guard.admit(service, []);
    expect(guard.heldServices).toBe(3);
    const fresh = instance('d', 9);
    expect(admit('d', [fresh])).toEqual(['d-1', 'd-2', 'd-3', 'd-4', 'd-9']);
    expect(admit('d', [fresh, instance('d', 1, { health: 'critical' })])).toContain('d-1');
  });

  test('what comes back ends the hold', () => {
    for (const service of fill().slice(0, 3)) guard.admit(service, []);
    expect(guard.heldServices).toBe(3);
    for (const service of ['a', 'b', 'c']) expect(admit(service, instances(service, 4))).toHaveLength(4);
    expect(guard.heldServices).toBe(0);
    expect(guard.reason).toBeNull();
    expect(admit('d', instances('d', 3))).toHaveLength(3);
  });
});

describe('a source in doubt', () => {
  test('loses nothing until it is certain, or for the hold time', () => {
    fill();
    guard.doubt('it forgot');
    expect(guard.reason).toBe('it forgot');
    expect(guard.isDoubting).toBe(true);
    expect(admit('a', [])).toHaveLength(4);
    expect(admit('b', instances('b', 4, { health: 'critical' }))).toHaveLength(4);
    expect(admit('f', instances('f', 2))).toHaveLength(2);
    now += HOLD_MS / 2;
    expect(guard.due()).toEqual([]);
    now += HOLD_MS / 2;
    expect(guard.isDoubting).toBe(false);
    expect(guard.due().map(([name]) => name)).toEqual(['a', 'b']);
  });

  test('is believed as soon as it is certain', () => {
    fill();
    guard.doubt('it forgot');
    guard.admit('a', []);
    guard.certain();
    expect(guard.due()).toEqual([['a', []]]);
    expect(guard.reason).toBeNull();
  });

  test('what it has brought back may leave or fail like any other', () => {
    fill();
    guard.doubt('it forgot');
    guard.admit('a', []);
    guard.admit('a', instances('a', 4));
    guard.doubt('another watch has noticed');
    expect(admit('a', instances('a', 3))).toEqual(['a-1', 'a-2', 'a-3']);
    const news = instances('a', 3, { health: 'critical' });
    expect(guard.admit('a', news)).toBe(news);
    expect(guard.admit('b', [])).toHaveLength(4);
  });

  test('what it brings back is no loss any more', () => {
    fill();
    guard.doubt('it forgot');
    guard.admit('a', []);
    guard.admit('a', instances('a', 4));
    guard.certain();
    expect(guard.due()).toEqual([]);
  });
});

describe('a source that was away', () => {
  const failing = (count: number): Instance[] => instances('a', count, { health: 'critical' });

  test('may call checks critical that it has not run: they are held, and the first that passes counts', () => {
    fill();
    guard.returned();
    expect(guard.reason).toBeNull();
    const kept = guard.admit('a', failing(4));
    expect(kept.map(({ health }) => health)).toEqual(['passing', 'passing', 'passing', 'passing']);
    expect(guard.reason).toMatch(/checks/);
    const partly = [instance('a', 1), ...failing(4).slice(1)];
    expect(admit('a', partly)).toHaveLength(4);
    expect([guard.heldServices, guard.heldNews('a'), guard.heldNews('b')]).toEqual([1, partly, null]);
    const all = instances('a', 4);
    expect(guard.admit('a', all)).toBe(all);
    expect([guard.heldServices, guard.heldNews('a')]).toEqual([0, null]);
    now += HOLD_MS;
    expect(guard.due()).toEqual([]);
  });

  test('what has passed since then is believed at once when it fails', () => {
    fill();
    guard.returned();
    guard.admit('a', failing(4));
    guard.admit('a', instances('a', 4));
    const news = failing(4);
    expect(guard.admit('a', news)).toBe(news);
  });

  test('what was read again and is as it was is believed, too; what was not, is held', () => {
    fill();
    guard.returned();
    guard.confirm('a');
    const news = failing(4);
    expect(guard.admit('a', news)).toBe(news);
    expect(guard.admit('b', instances('b', 4, { health: 'critical' }))).not.toHaveLength(0);
    expect(guard.heldServices).toBe(1);
    guard.confirm('b');
    expect(guard.heldServices).toBe(1);
  });

  test('what has passed only in the memory of a server is held while its check has not run', () => {
    fill();
    guard.returned();
    guard.admit('a', instances('a', 4));
    guard.confirm('b');
    for (const service of ['a', 'b']) {
      // An agent gives a check that it has not run since it started no output.
      const own = { id: 'c', name: 'c', status: 'critical', output: '', isOfNode: false } as const;
      const notRun = instances(service, 4, { health: 'critical', checks: [own] });
      expect(guard.admit(service, notRun).map(({ health }) => health)).toEqual(Array(4).fill('passing'));
      const node = {
        id: 'serfHealth',
        name: 's',
        status: 'critical',
        output: 'not live',
        isOfNode: true,
      } as const;
      const dead = instances(service, 4, { health: 'critical', checks: [own, node] });
      expect(guard.admit(service, dead)).toBe(dead);
    }
  });

  test('another time away makes everything doubtful again', () => {
    fill();
    guard.returned();
    guard.confirm('a');
    guard.returned();
    guard.admit('a', failing(4));
    expect(guard.heldServices).toBe(1);
  });

  test('those that fail for longer are believed to fail', () => {
    fill();
    guard.returned();
    guard.admit('a', failing(4));
    now += HOLD_MS;
    const [[service, news] = ['', []]] = guard.due();
    expect(service).toBe('a');
    expect(news.every(({ health }) => health === 'critical')).toBe(true);
  });

  test('what was deregistered or taken out by hand is believed at once', () => {
    fill();
    guard.returned();
    expect(admit('a', instances('a', 3))).toEqual(['a-1', 'a-2', 'a-3']);
    const byHand = [instance('b', 1, { health: 'maintenance' }), ...instances('b', 4).slice(1)];
    expect(guard.admit('b', byHand)).toBe(byHand);
  });

  test('an instance that never passed is not made up', () => {
    guard.returned();
    const news = [instance('z', 1, { health: 'critical' })];
    expect(guard.admit('z', news)).toBe(news);
  });

  test('one that is away again and again is believed in the end', () => {
    fill();
    for (let i = 0; i < 8; i++) {
      guard.returned();
      guard.admit('a', failing(4));
      now += HOLD_MS / 2;
    }
    expect(guard.due().map(([service]) => service)).toEqual(['a']);
  });
});
