import { describe, expect, test } from 'vitest';
import { type Ask, type Balancer, type Candidate, createBalancer, hashText } from '../../router/balancers.ts';
import type { Balance } from '../../router/model.ts';

const LEAST: Balance = { kind: 'least' };
const RR: Balance = { kind: 'rr' };
const RANDOM: Balance = { kind: 'random' };
const HASH: Balance = { kind: 'hash', on: 'ip' };

class Endpoint implements Candidate {
  readonly id: string;
  weight: number;
  readonly latency: number;
  isOpen = true;
  held = 0;
  served = 0;
  most = 0;

  constructor(id: string, weight = 1, latency = 1) {
    this.id = id;
    this.weight = weight;
    this.latency = latency;
  }

  inFlight(): number {
    return this.held;
  }
}

/** `count` endpoints of one weight, named after the letter. */
function some(letter: string, count: number, weight = 1, latency = 1): Endpoint[] {
  return Array.from({ length: count }, (_, i) => new Endpoint(`${letter}${i}`, weight, latency));
}

/** Mulberry32: the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function ask(more: Partial<Ask> = {}): Ask {
  return { random: seeded(1), key: null, tried: null, ...more };
}

/** Ids picked one after the other, each request over before the next. */
function sequence(balancer: Balancer, endpoints: readonly Endpoint[], count: number, by = ask()): string {
  return Array.from({ length: count }, () => endpoints[balancer.pick(endpoints, by)]!.id).join(' ');
}

/** Picks and keeps, as for requests that do not end. */
function hold(balancer: Balancer, endpoints: readonly Endpoint[], count: number, by = ask()): void {
  for (let i = 0; i < count; i++) endpoints[balancer.pick(endpoints, by)]!.held++;
}

function countsOf(endpoints: readonly Endpoint[]): number[] {
  return endpoints.map((endpoint) => endpoint.held);
}

interface Load {
  readonly concurrency: number;
  readonly requests: number;
  /** Share by which a latency varies to both sides. */
  readonly jitter?: number;
  readonly seed?: number;
}

/** Keeps `concurrency` requests in flight, each for its endpoint's latency. */
function run(
  balance: Balance,
  endpoints: readonly Endpoint[],
  { concurrency, requests, jitter = 0, seed = 1 }: Load,
): void {
  const balancer = createBalancer(balance);
  const random = seeded(seed);
  /** By the time they end. */
  const running: { readonly until: number; readonly endpoint: Endpoint }[] = [];
  let now = 0;
  for (let i = 0; i < requests; i++) {
    if (running.length === concurrency) {
      const next = running.shift()!;
      next.endpoint.held--;
      now = next.until;
    }
    const endpoint = endpoints[balancer.pick(endpoints, ask({ random }))]!;
    endpoint.held++;
    endpoint.served++;
    endpoint.most = Math.max(endpoint.most, endpoint.held);
    const until = now + endpoint.latency * (1 + jitter * (2 * random() - 1));
    const at = running.findLastIndex((each) => each.until <= until) + 1;
    running.splice(at, 0, { endpoint, until });
  }
}

function shareOf(part: readonly Endpoint[], all: readonly Endpoint[]): number {
  const sum = (endpoints: readonly Endpoint[]): number =>
    endpoints.reduce((total, { served }) => total + served, 0);
  return (100 * sum(part)) / sum(all);
}

describe.each([LEAST, RR, RANDOM, HASH])('whatever the way: $kind', (balance) => {
  const key = balance.kind === 'hash' ? 'somebody' : null;

  test.each([3, 100])('of %d, only open ones with weight that were not tried', (count) => {
    const endpoints = some('e', count);
    endpoints.forEach((endpoint, i) => {
      if (i % 3 === 0) endpoint.weight = 0;
      if (i % 3 === 1) endpoint.isOpen = false;
    });
    const may = endpoints.filter((_, i) => i % 3 === 2);
    const balancer = createBalancer(balance);
    const random = seeded(3);
    for (let i = 0; i < 200; i++) {
      const picked = endpoints[balancer.pick(endpoints, ask({ random, key }))]!;
      expect(may).toContain(picked);
    }
    const tried = may.slice(1);
    for (let i = 0; i < 50; i++) {
      expect(endpoints[balancer.pick(endpoints, ask({ random, key, tried }))]).toBe(may[0]);
    }
    expect(balancer.pick(endpoints, ask({ random, key, tried: may }))).toBe(-1);
  });

  test('nobody to choose from', () => {
    const balancer = createBalancer(balance);
    expect(balancer.pick([], ask({ key }))).toBe(-1);
    expect(balancer.pick(some('z', 2, 0), ask({ key }))).toBe(-1);
    expect(balancer.pick(some('z', 100, 0), ask({ key }))).toBe(-1);
  });

  test('one alone is always chosen', () => {
    const balancer = createBalancer(balance);
    const [endpoint] = some('a', 1);
    for (let i = 0; i < 5; i++) expect(balancer.pick([endpoint!], ask({ key }))).toBe(0);
  });

  test('a pool that shrinks and grows between picks', () => {
    const balancer = createBalancer(balance);
    const random = seeded(5);
    for (let i = 0; i < 300; i++) {
      const endpoints = some('e', 1 + Math.floor(random() * 90), i % 2 === 0 ? 1 : 1 + (i % 5));
      if (i % 3 === 0) endpoints[0]!.weight = 7;
      const picked = balancer.pick(endpoints, ask({ random, key }));
      expect(endpoints[picked]).toBeDefined();
    }
  });
});

describe('least connections', () => {
  test('the fewest in flight, exactly', () => {
    const endpoints = some('e', 5);
    const balancer = createBalancer(LEAST);
    const random = seeded(9);
    for (let i = 0; i < 2_000; i++) {
      const fewest = Math.min(...countsOf(endpoints));
      const picked = endpoints[balancer.pick(endpoints, ask())]!;
      expect(picked.held).toBe(fewest);
      picked.held++;
      const other = endpoints[Math.floor(random() * endpoints.length)]!;
      if (other.held > 0) other.held--;
    }
  });

  test('ties take turns', () => {
    expect(sequence(createBalancer(LEAST), some('e', 3), 7)).toBe('e0 e1 e2 e0 e1 e2 e0');
    const endpoints = some('e', 4);
    hold(createBalancer(LEAST), endpoints, 10);
    expect(countsOf(endpoints)).toEqual([3, 3, 2, 2]);
  });

  test('ties take turns beside one that takes nothing', () => {
    const endpoints = [...some('e', 2), new Endpoint('zero', 0)];
    expect(sequence(createBalancer(LEAST), endpoints, 4)).toBe('e0 e1 e0 e1');
  });

  test('the fewest in flight, beside one that takes nothing', () => {
    const endpoints = [...some('e', 3), new Endpoint('zero', 0)];
    [2, 1, 0].forEach((held, i) => {
      endpoints[i]!.held = held;
    });
    expect(sequence(createBalancer(LEAST), endpoints, 1)).toBe('e2');
  });

  test.each([
    [3, 1, 8, [6, 2]],
    [1, 1, 9, [5, 4]],
    [2, 1, 30, [20, 10]],
    [0.75, 0.25, 8, [6, 2]],
  ])('weights %d and %d hold %d requests as %j', (a, b, count, expected) => {
    const endpoints = [new Endpoint('a', a), new Endpoint('b', b)];
    hold(createBalancer(LEAST), endpoints, count);
    expect(countsOf(endpoints)).toEqual(expected);
  });

  test('what is held moves back to the shares when one has too much', () => {
    const endpoints = [new Endpoint('a', 3), new Endpoint('b', 1)];
    endpoints[1]!.held = 4;
    const balancer = createBalancer(LEAST);
    hold(balancer, endpoints, 8);
    expect(countsOf(endpoints)).toEqual([8, 4]);
    hold(balancer, endpoints, 8);
    expect(countsOf(endpoints)).toEqual([15, 5]);
  });

  test.each([
    [1, 0],
    [2, 0],
    [5, 0],
    [10, 0],
    [100, 0],
    [10, 0.3],
    [100, 0.3],
  ])('a 5 %% canary gets 5 %% at concurrency %d with latencies that vary by %d', (concurrency, jitter) => {
    for (const seed of [1, 2]) {
      const two = [new Endpoint('main', 95), new Endpoint('canary', 5)];
      const five = [...some('main', 4, 0.95 / 4), new Endpoint('canary', 0.05)];
      for (const endpoints of [two, five]) {
        run(LEAST, endpoints, { concurrency, requests: 10_000, jitter, seed });
        expect(Math.abs(shareOf(endpoints.slice(-1), endpoints) - 5)).toBeLessThanOrEqual(0.5);
      }
    }
  });

  test.each([10, 50, 200])(
    'a slow one among equals holds no more than its part of %d, plus one',
    (concurrency) => {
      const endpoints = [...some('fast', 2), new Endpoint('slow', 1, 10)];
      run(LEAST, endpoints, { concurrency, requests: 5_000, jitter: 0.3 });
      expect(endpoints[2]!.most).toBeLessThanOrEqual(concurrency / 3 + 1);
      expect(shareOf(endpoints.slice(2), endpoints)).toBeLessThan(10);
    },
  );

  test.each([10, 50, 200])('nor does a slow one by weight, of %d', (concurrency) => {
    const endpoints = [new Endpoint('a', 3), new Endpoint('b', 2), new Endpoint('slow', 1, 10)];
    run(LEAST, endpoints, { concurrency, requests: 5_000, jitter: 0.3 });
    expect(endpoints[2]!.most).toBeLessThanOrEqual(concurrency / 6 + 1);
  });

  test('one that was held back for long comes back without a burst', () => {
    const endpoints = [new Endpoint('a', 3), new Endpoint('b', 1)];
    endpoints[1]!.held = 50;
    const balancer = createBalancer(LEAST);
    sequence(balancer, endpoints, 1_000);
    endpoints[1]!.held = 0;
    expect(sequence(balancer, endpoints, 12).match(/b/g)!.length).toBeLessThanOrEqual(4);
    expect(sequence(balancer, endpoints, 12).match(/b/g)).toHaveLength(3);
  });

  test.each([2, 3, 100])(
    '%d that other workers use at the same moment: there is always one to take',
    (count) => {
      class Shared extends Endpoint {
        override inFlight(): number {
          return this.held++;
        }
      }
      const endpoints = Array.from({ length: count }, (_, i) => new Shared(`e${i}`, 1 + (i % 3)));
      const balancer = createBalancer(LEAST);
      const random = seeded(8);
      for (let i = 0; i < 100; i++)
        expect(balancer.pick(endpoints, ask({ random }))).toBeGreaterThanOrEqual(0);
    },
  );

  test('one that leaves does not upset the turns of the others', () => {
    const balancer = createBalancer(LEAST);
    const [a, b, c] = [new Endpoint('a', 2), new Endpoint('b', 1), new Endpoint('c', 1)];
    sequence(balancer, [a, b, c], 7);
    expect(Math.abs(sequence(balancer, [a, b], 30).match(/a/g)!.length - 20)).toBeLessThanOrEqual(1);
  });
});

describe('least connections among many', () => {
  test('equal ones share within a few', () => {
    const endpoints = some('e', 100);
    hold(createBalancer(LEAST), endpoints, 1_000, ask({ random: seeded(4) }));
    expect(Math.max(...countsOf(endpoints))).toBeLessThanOrEqual(14);
    expect(Math.min(...countsOf(endpoints))).toBeGreaterThanOrEqual(4);
  });

  test.each([1, 10, 100])('a 5 %% canary gets about 5 %% at concurrency %d', (concurrency) => {
    for (const canary of [some('canary', 1, 5), some('canary', 5, 1), some('canary', 50, 0.1)]) {
      const endpoints = [...some('main', 99, 95 / 99), ...canary];
      run(LEAST, endpoints, { concurrency, requests: 20_000, jitter: 0.3, seed: 2 });
      expect(Math.abs(shareOf(canary, endpoints) - 5)).toBeLessThanOrEqual(0.6);
    }
  });

  test('a slow one does not pile up work', () => {
    for (const weight of [1, 2]) {
      const endpoints = [...some('fast', 99), new Endpoint('slow', weight, 10)];
      run(LEAST, endpoints, { concurrency: 300, requests: 10_000, jitter: 0.3 });
      expect(endpoints[99]!.most).toBeLessThanOrEqual(15);
    }
  });

  test('the few that are left are found', () => {
    const endpoints = some('e', 200);
    for (const endpoint of endpoints.slice(0, 199)) endpoint.isOpen = false;
    expect(sequence(createBalancer(LEAST), endpoints, 5)).toBe('e199 e199 e199 e199 e199');
  });
});

describe('round robin', () => {
  test('in turn', () => {
    expect(sequence(createBalancer(RR), some('e', 3), 6)).toBe('e0 e1 e2 e0 e1 e2');
  });

  test('smoothly by weight', () => {
    const endpoints = [new Endpoint('a', 5), new Endpoint('b', 1), new Endpoint('c', 1)];
    expect(sequence(createBalancer(RR), endpoints, 14)).toBe('a a b a c a a a a b a c a a');
  });

  test('whatever is in flight', () => {
    const endpoints = some('e', 2);
    endpoints[0]!.held = 100;
    expect(sequence(createBalancer(RR), endpoints, 4)).toBe('e0 e1 e0 e1');
  });

  test('changes of others leave the position alone', () => {
    const balancer = createBalancer(RR);
    const [a, b, c] = some('e', 3);
    expect(sequence(balancer, [a!, b!, c!], 4)).toBe('e0 e1 e2 e0');
    const copies = some('e', 3);
    expect(sequence(balancer, copies, 2)).toBe('e1 e2');
    expect(sequence(balancer, [new Endpoint('d', 0), ...copies], 3)).toBe('e0 e1 e2');
    expect(sequence(balancer, [c!, b!, a!], 3)).toBe('e2 e1 e0');
  });

  test('an ejected one neither saves up turns nor disturbs the others', () => {
    const endpoints = some('e', 3);
    const balancer = createBalancer(RR);
    endpoints[2]!.isOpen = false;
    sequence(balancer, endpoints, 100);
    endpoints[2]!.isOpen = true;
    expect(sequence(balancer, endpoints, 9).match(/e2/g)).toHaveLength(3);
  });

  test('one that is replaced after each of its turns is not forgotten', () => {
    const balancer = createBalancer(RR);
    const stable = some('e', 2);
    for (let i = 0; i < 1_000; i++) {
      const endpoints = [...stable, new Endpoint(`n${i}`)];
      let turns = 1;
      while (balancer.pick(endpoints, ask()) !== 2) turns++;
      expect(turns).toBeLessThanOrEqual(5);
    }
  });

  test('after any number of changes a newcomer is neither flooded nor forgotten', () => {
    const random = seeded(6);
    const balancer = createBalancer(RR);
    let endpoints = some('e', 4);
    for (let i = 0; i < 5_000; i++) {
      const last = balancer.pick(endpoints, ask());
      endpoints = endpoints.filter((_, at) => at !== last);
      endpoints.splice(Math.floor(random() * 4), 0, new Endpoint(`n${i}`));
    }
    const counts = new Map<string, number>();
    for (const id of sequence(balancer, endpoints, 40).split(' ')) counts.set(id, (counts.get(id) ?? 0) + 1);
    expect([...counts.values()].every((count) => count >= 9 && count <= 11)).toBe(true);
  });
});

test('random goes by weight', () => {
  const endpoints = [
    new Endpoint('a', 6),
    new Endpoint('none', 0),
    new Endpoint('b', 3),
    new Endpoint('c', 1),
  ];
  run(RANDOM, endpoints, { concurrency: 10, requests: 10_000 });
  expect(endpoints.map(({ served }) => Math.round(served / 500))).toEqual([12, 0, 6, 2]);
  const balancer = createBalancer(RANDOM);
  expect(balancer.pick(endpoints, ask({ random: () => 0 }))).toBe(0);
  expect(balancer.pick(endpoints, ask({ random: () => 1 - 2 ** -53 }))).toBe(3);
});

describe('hash', () => {
  const balancer = createBalancer(HASH);
  const keys = Array.from({ length: 10_000 }, (_, i) => `client-${i}`);
  const placed = (endpoints: readonly Endpoint[]): string[] =>
    keys.map((key) => endpoints[balancer.pick(endpoints, ask({ key }))]!.id);
  const count = (ids: readonly string[], id: string): number => ids.filter((each) => each === id).length;

  test('a key keeps its endpoint, in whatever order and with whatever load', () => {
    const endpoints = some('e', 8);
    const before = placed(endpoints);
    for (const endpoint of endpoints) endpoint.held = Number(endpoint.id.slice(1)) * 10;
    expect(placed([...endpoints].reverse())).toEqual(before);
    expect(createBalancer(HASH).pick(endpoints, ask({ key: 'x' }))).toBe(
      balancer.pick(endpoints, ask({ key: 'x' })),
    );
  });

  test.each([3, 10, 100])('keys spread evenly over %d', (size) => {
    const endpoints = some('10.0.0.1:80', size);
    const ids = placed(endpoints);
    const mean = keys.length / size;
    for (const { id } of endpoints) {
      expect(Math.abs(count(ids, id) - mean)).toBeLessThan(5 * Math.sqrt(mean));
    }
  });

  test('a newcomer takes only its share, one that leaves gives away only its own', () => {
    const ten = some('e', 10);
    const before = placed(ten.slice(0, 9));
    const after = placed(ten);
    const moved = keys.filter((_, i) => before[i] !== after[i]);
    expect(moved.length).toBeLessThan(1.15 * (keys.length / 10));
    expect(keys.filter((_, i) => before[i] !== after[i] && after[i] !== 'e9')).toEqual([]);
    ten[4]!.isOpen = false;
    const without = placed(ten);
    expect(keys.filter((_, i) => without[i] !== after[i] && after[i] !== 'e4')).toEqual([]);
  });

  test('by weight; more weight only attracts', () => {
    const endpoints = [new Endpoint('a', 3), new Endpoint('b', 1), new Endpoint('none', 0)];
    const before = placed(endpoints);
    expect(count(before, 'a') / keys.length).toBeCloseTo(0.75, 1);
    expect(count(before, 'none')).toBe(0);
    endpoints[1]!.weight = 2;
    const after = placed(endpoints);
    expect(keys.filter((_, i) => before[i] !== after[i] && after[i] !== 'b')).toEqual([]);
    expect(count(after, 'b') / keys.length).toBeCloseTo(0.4, 1);
  });

  test('a key whose endpoint was tried has a second choice of its own', () => {
    const endpoints = some('e', 4);
    const [first, second] = [placed(endpoints), new Set<string>()];
    keys.forEach((key, i) => {
      const tried = endpoints.filter(({ id }) => id === first[i]);
      const other = endpoints[balancer.pick(endpoints, ask({ key, tried }))]!.id;
      expect(other).not.toBe(first[i]);
      if (first[i] === 'e0') second.add(other);
    });
    expect([...second].sort()).toEqual(['e1', 'e2', 'e3']);
  });

  test('without a key the least busy is chosen', () => {
    const endpoints = some('e', 3);
    endpoints[0]!.held = 2;
    endpoints[1]!.held = 1;
    expect(balancer.pick(endpoints, ask())).toBe(2);
  });

  test('an empty key is a key', () => {
    const picks = Array.from({ length: 5 }, () => balancer.pick(some('e', 5), ask({ key: '' })));
    expect(new Set(picks).size).toBe(1);
  });

  test('texts have 32-bit hashes that differ', () => {
    const hashes = new Set(keys.map((key) => hashText(key)));
    expect(hashes.size).toBeGreaterThan(keys.length - 5);
    for (const hash of hashes) expect(hash === hash >>> 0).toBe(true);
  });
});
