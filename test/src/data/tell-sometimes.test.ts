import { beforeEach, expect, test } from 'vitest';
import { tellSometimes } from '../../../src/data/tell-sometimes.ts';
import type { FromWorker } from '../../../src/shared/messages.ts';

let now = 0;
let told: FromWorker[] = [];

beforeEach(() => {
  now = 0;
  told = [];
});

function listener(): (error: Error) => void {
  return tellSometimes(
    (message) => void told.push(message),
    () => now,
  );
}

test('the first error of a listener is told at once, with what it says', () => {
  listener()(new Error('accept EMFILE'));
  expect(told).toEqual([
    { type: 'log', level: 'error', msg: 'listener error', detail: 'Error: accept EMFILE' },
  ]);
});

test('of a storm one a second is told', () => {
  const tell = listener();
  for (now = 0; now < 5_000; now += 10) tell(new Error(`at ${now}`));
  expect(told.map((message) => message.type === 'log' && message.detail)).toEqual(
    [0, 1_000, 2_000, 3_000, 4_000].map((at) => `Error: at ${at}`),
  );
});

test('listeners do not keep each other quiet', () => {
  listener()(new Error('a'));
  listener()(new Error('b'));
  expect(told.length).toBe(2);
});
