import { expect, test } from 'vitest';
import { createCompletion } from '../../../../src/control/providers/completion.ts';
import { createDoubt } from '../../../../src/control/providers/doubt.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';

function doubts(): { clock: ManualClock; story: string[]; doubt: ReturnType<typeof createDoubt> } {
  const clock = manualClock();
  const story: string[] = [];
  const events = {
    doubt: (reason: string) => void story.push(`${reason}@${clock.now()}`),
    certain: () => void story.push(`certain@${clock.now()}`),
  };
  return { clock, story, doubt: createDoubt(events, clock, 10_000, new AbortController().signal) };
}

test('doubt lasts for the hold time after the latest reason', async () => {
  const { clock, story, doubt } = doubts();
  doubt.raise('a');
  doubt.raise('a again, of another watch');
  await clock.advance(6000);
  doubt.raise('b');
  expect(doubt.active()).toBe(true);
  await clock.advance(60_000);
  expect(doubt.active()).toBe(false);
  doubt.raise('c');
  await clock.advance(60_000);
  expect(story).toEqual(['a@0', 'b@6000', 'certain@16000', 'c@66000', 'certain@76000']);
});

test('doubt has a bound: four times the hold time', async () => {
  const { clock, story, doubt } = doubts();
  for (let i = 0; i < 9; i += 1) {
    doubt.raise('again');
    await clock.advance(5000);
  }
  expect(story).toContain('certain@40000');
});

function completion(failing: readonly string[], open: () => boolean) {
  const clock = manualClock();
  const told: string[][] = [];
  const gate = { isOpen: open, pass: async () => {}, report() {} };
  const signal = new AbortController().signal;
  const subject = createCompletion(
    clock,
    gate,
    (name) => failing.includes(name),
    (unknown) => void told.push([...unknown, `@${clock.now()}`]),
    signal,
  );
  return { clock, told, subject };
}

test('complete once every service was read, once', async () => {
  const { clock, told, subject } = completion([], () => true);
  subject.answered('a');
  expect(told).toEqual([]);
  subject.expect(new Set(['a', 'b']));
  subject.answered('b');
  subject.answered('a');
  subject.expect(new Set(['c']));
  await clock.advance(30_000);
  expect(told).toEqual([['@0']]);
});

test('complete at once when nothing is routed, or what was missing is gone', () => {
  const none = completion([], () => true);
  none.subject.expect(new Set());
  expect(none.told).toHaveLength(1);
  const gone = completion([], () => true);
  gone.subject.expect(new Set(['a', 'b']));
  gone.subject.answered('a');
  gone.subject.expect(new Set(['a']));
  expect(gone.told).toHaveLength(1);
});

test('one that keeps failing is left behind after ten seconds and named', async () => {
  const { clock, told, subject } = completion(['bad'], () => true);
  subject.expect(new Set(['good', 'bad']));
  subject.answered('good');
  await clock.advance(9999);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([['bad', '@10000']]);
});

test('nothing is left behind while the source does not answer, nor what has not failed yet', async () => {
  let open = false;
  const { clock, told, subject } = completion(['bad'], () => open);
  subject.expect(new Set(['bad', 'slow']));
  await clock.advance(20_000);
  open = true;
  await clock.advance(5000);
  expect(told).toEqual([]);
  subject.answered('slow');
  await clock.advance(1000);
  expect(told).toHaveLength(1);
});
