/** When which endpoint is asked, with time and answers in the hands of the test. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ActiveCheck } from '../../../../router/active-checks.ts';
import { Checker } from '../../../../src/control/checks/checker.ts';

interface Asked {
  readonly id: string;
  readonly at: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  answer(hasPassed: boolean): void;
}

let asked: Asked[];
let verdicts: [id: string, isUp: boolean][];
let lines: [fields: object, message: string][];
/** What an endpoint answers at once; nothing where it is not named. */
let answers: Map<string, boolean>;
let chance: number;
let checker: Checker;

beforeEach(() => {
  vi.useFakeTimers();
  [asked, verdicts, lines, answers, chance] = [[], [], [], new Map(), 0.5];
  checker = new Checker({
    probe: ({ id }, timeoutMs, signal) =>
      new Promise((resolve) => {
        const answer = (hasPassed: boolean): void =>
          resolve({ hasPassed, output: hasPassed ? 'status 200' : 'status 500' });
        asked.push({ id, at: Date.now(), timeoutMs, signal, answer });
        const known = answers.get(id);
        if (known !== undefined) answer(known);
      }),
    onVerdict: (id, isUp) => void verdicts.push([id, isUp]),
    log: { info: (fields: object, message: string) => void lines.push([fields, message]) } as never,
    now: () => Date.now(),
    random: () => chance,
  });
});

afterEach(() => {
  checker.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function check(id: string, more: Partial<ActiveCheck> = {}): ActiveCheck {
  return {
    ...{ id, endpoint: `e-${id}`, service: 's', address: '127.0.0.1', port: 1, path: '/health' },
    ...{ intervalMs: 5_000, host: 'a.test', protocol: 'http', tls: null },
    ...more,
  };
}

function begin(...ids: string[]): void {
  checker.apply({ set: ids.map((id) => check(id)), drop: [] });
}

function times(id: string): number[] {
  return asked.filter((each) => each.id === id).map(({ at }) => at);
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe('when', () => {
  test('a newcomer is asked at once, many of them one after the other', async () => {
    const start = Date.now();
    begin('a');
    await pass(100);
    expect(times('a')).toEqual([start + 100]);
    chance = 0.999;
    begin(...Array.from({ length: 1_000 }, (_, i) => `n${i}`));
    await pass(1_900);
    expect(asked.length).toBe(1);
    await pass(100);
    expect(asked.length).toBeGreaterThan(1);
  });

  test.each([
    [500, 500],
    [5_000, 5_000],
    [600_000, 5_000],
  ])('the limit of one asked every %i ms is %i ms', async (intervalMs, timeoutMs) => {
    checker.apply({ set: [check('a', { intervalMs })], drop: [] });
    await pass(100);
    expect(asked[0]!.timeoutMs).toBe(timeoutMs);
  });

  test('it is never asked again before it has answered', async () => {
    begin('a');
    await pass(60_000);
    expect(times('a').length).toBe(1);
    asked[0]!.answer(true);
    await pass(200);
    expect(times('a').length).toBe(2);
  });

  test.each([
    [0, 4_500],
    [0.5, 5_000],
    [0.999, 5_500],
  ])('by chance (%d) it comes up to a tenth earlier or later: after %i ms', async (by, ms) => {
    chance = by;
    answers.set('a', true);
    begin('a');
    await pass(30_000);
    const at = times('a');
    for (let i = 1; i < at.length; i++) expect(Math.abs(at[i]! - at[i - 1]! - ms)).toBeLessThanOrEqual(100);
  });

  test('one that is gone is not asked again, and what it still says is not heard', async () => {
    answers.set('b', true);
    begin('a', 'b');
    await pass(100);
    checker.apply({ set: [], drop: ['a'] });
    const [first] = asked;
    expect(first!.signal.aborted).toBe(true);
    first!.answer(false);
    await pass(20_000);
    expect(verdicts).toEqual([]);
    expect(times('a').length).toBe(1);
    expect(checker.standing('a')).toBeUndefined();
    expect(checker.results.samples('result')).toEqual([
      { value: times('b').length, labels: { result: 'pass' } },
    ]);
    checker.apply({ set: [], drop: ['b'] });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('what is said', () => {
  test('out and back, once each, with its latest answer', async () => {
    answers.set('a', true);
    begin('a');
    expect(checker.standing('a')).toEqual({ isUp: true, output: null });
    await pass(5_500);
    expect(checker.standing('a')).toEqual({ isUp: true, output: 'status 200' });
    answers.set('a', false);
    await pass(10_000);
    expect(checker.standing('a')).toEqual({ isUp: true, output: 'status 500' });
    await pass(20_000);
    expect(verdicts).toEqual([['a', false]]);
    expect([...checker.failing()].map(({ endpoint }) => endpoint)).toEqual(['e-a']);
    answers.set('a', true);
    await pass(20_000);
    expect(verdicts).toEqual([
      ['a', false],
      ['a', true],
    ]);
    expect([...checker.failing()]).toEqual([]);
    expect(lines).toEqual([
      [{ endpoint: 'e-a', path: '/health', output: 'status 500' }, 'an instance fails its check'],
      [{ endpoint: 'e-a', path: '/health', output: 'status 200' }, 'an instance passes its check again'],
    ]);
    const counts = Object.fromEntries(
      checker.results.samples('result').map(({ labels, value }) => [labels.result, value]),
    );
    expect(counts).toEqual({ pass: times('a').length - counts.fail!, fail: expect.any(Number) });
    expect(counts.fail).toBeGreaterThanOrEqual(5);
  });

  test('a check that is asked for anew keeps its state; one that went and came is a newcomer', async () => {
    answers.set('a', false);
    begin('a');
    await pass(200);
    checker.apply({ set: [check('a', { host: 'b.test' })], drop: [] });
    expect(checker.standing('a')!.isUp).toBe(false);
    await pass(5_000);
    expect(times('a').length).toBe(2);
    checker.apply({ set: [], drop: ['a'] });
    begin('a');
    expect(checker.standing('a')).toEqual({ isUp: true, output: null });
  });
});

describe('many', () => {
  test('no more than 64 run at once, and everybody has a turn', async () => {
    const ids = Array.from({ length: 1_000 }, (_, i) => `n${i}`);
    begin(...ids);
    let most = 0;
    let answered = 0;
    while (answered < 3_000) {
      await pass(10);
      most = Math.max(most, asked.length - answered);
      for (; answered < asked.length; answered++) asked[answered]!.answer(true);
    }
    expect(most).toBe(64);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1_000);
  });

  test('those that do not answer well never take more than half, so the others are asked in time', async () => {
    const well = Array.from({ length: 50 }, (_, i) => `well-${i}`);
    for (const id of well) answers.set(id, true);
    begin(...well);
    await pass(1_000);
    begin(...Array.from({ length: 500 }, (_, i) => `hung-${i}`));
    await pass(30_000);
    // Nobody of the hung has answered: 32 of them run for ever here.
    expect(asked.filter(({ id }) => id.startsWith('hung')).length).toBe(32);
    for (const id of well) expect(times(id).length).toBeGreaterThanOrEqual(6);
  });
});
