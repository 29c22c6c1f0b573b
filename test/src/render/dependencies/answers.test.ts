import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Clock } from '../../../../src/control/providers/clock.ts';
import { Answers } from '../../../../src/render/dependencies/answers.ts';
import { strings, type Value } from '../../../../src/render/template/values.ts';

/** vitest's timers as a clock. */
const clock: Clock = {
  now: () => Date.now(),
  random: () => 0.5,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve());
      setTimeout(resolve, ms);
    }),
};

function open(isAwaiting: () => boolean = () => false): {
  answers: Answers;
  told: string[][];
  stop: AbortController;
} {
  const stop = new AbortController();
  const told: string[][] = [];
  const onChange = (ids: ReadonlySet<string>): void => void told.push([...ids]);
  return { answers: new Answers({ clock, isAwaiting, onChange }, stop.signal), told, stop };
}

const some = (...items: readonly string[]): Value => strings(items);

describe('answers', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('that come together are told together', async () => {
    const { answers, told } = open();
    answers.set('a', 'x');
    answers.set('b', 'y');
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toEqual([['a', 'b']]);
  });

  test('that equal the last ones are no news, and keep its identity', async () => {
    const { answers, told } = open();
    const first = some('1', '2');
    answers.set('a', first);
    await vi.advanceTimersByTimeAsync(0);
    answers.set('a', some('1', '2'));
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toHaveLength(1);
    expect(answers.get('a')).toBe(first);
  });

  test('are gathered while first ones are awaited', async () => {
    const { answers, told } = open(() => true);
    answers.set('a', 'x');
    await vi.advanceTimersByTimeAsync(20);
    answers.set('b', 'y');
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(60);
    expect(told).toEqual([['a', 'b']]);
  });

  test('null is an answer, undefined is none', () => {
    const { answers } = open();
    answers.set('gone', null);
    expect([answers.has('gone'), answers.has('never')]).toEqual([true, false]);
  });

  test('that have less are held while the source is in doubt', async () => {
    const { answers, told } = open();
    answers.set('a', some('1', '2'));
    answers.set('key', 'x');
    await vi.advanceTimersByTimeAsync(0);
    answers.doubt(5_000);
    answers.set('a', some('1'));
    answers.set('key', null);
    answers.set('b', some('new'));
    await vi.advanceTimersByTimeAsync(4_000);
    expect(answers.get('a')).toEqual(some('1', '2'));
    expect(answers.get('key')).toBe('x');
    expect(told.at(-1)).toEqual(['b']);
    await vi.advanceTimersByTimeAsync(1_100);
    expect(answers.get('a')).toEqual(some('1'));
    expect(answers.get('key')).toBeNull();
    expect(told.at(-1)).toEqual(['a', 'key']);
  });

  test('that take a loss back end the doubt about it', async () => {
    const { answers, told } = open();
    answers.set('a', some('1', '2'));
    await vi.advanceTimersByTimeAsync(0);
    answers.doubt(5_000);
    answers.set('a', some());
    answers.set('a', some('1', '2'));
    await vi.advanceTimersByTimeAsync(6_000);
    expect(answers.get('a')).toEqual(some('1', '2'));
    expect(told).toHaveLength(1);
  });

  test('are told to nobody after the end', async () => {
    const { answers, told, stop } = open();
    answers.set('a', 'x');
    stop.abort();
    await vi.advanceTimersByTimeAsync(100);
    expect(told).toEqual([]);
  });
});
