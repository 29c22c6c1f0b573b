import { afterEach, describe, expect, test } from 'vitest';
import {
  type BlockingQuery,
  startBlockingQuery,
  type WatchContext,
} from '../../../../src/control/providers/blocking-query.ts';
import type { ReadOptions, ReadResult } from '../../../../src/control/providers/consul-client.ts';
import { BadAnswer, type Fault, fault } from '../../../../src/control/providers/fault.ts';
import { createGate } from '../../../../src/control/providers/gate.ts';
import { manualClock } from './manual-clock.ts';

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

const ok = (index: number, body = '[]'): ReadResult => ({
  kind: 'ok',
  index,
  body: Buffer.from(body),
  receivedAt: 0,
});
const boom = fault('server', 'status 400: Invalid index', 400);

interface Rig {
  readonly clock: ReturnType<typeof manualClock>;
  readonly query: BlockingQuery;
  readonly sent: number[];
  readonly accepted: string[];
  readonly faults: Fault[];
  readonly lost: (readonly [number, number])[];
}

/** Answers in order; when there are none left, the read blocks until its signal aborts. `last` repeats instead. */
function rig(
  answers: ReadResult[],
  options: { last?: ReadResult; random?: number; floorMs?: number } = {},
): Rig {
  const clock = manualClock(options.random);
  const [sent, accepted, faults, lost]: [number[], string[], Fault[], (readonly [number, number])[]] = [
    [],
    [],
    [],
    [],
  ];
  const read = (_path: string, { index = 0, signal }: ReadOptions): Promise<ReadResult> => {
    sent.push(index);
    const next = answers.shift() ?? options.last;
    if (next !== undefined) return Promise.resolve(next);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(fault('aborted', 'aborted')));
    });
  };
  const context: WatchContext = {
    client: { read },
    clock,
    gate: createGate(clock, async () => ({ kind: 'ok' }), stop.signal),
    waitMs: 1000,
    onAnswer() {},
    onFault: (_path, cause) => void faults.push(cause),
    onLostMemory: (_path, before, after) => void lost.push([before, after]),
  };
  const query = startBlockingQuery(
    context,
    {
      path: '/v1/x',
      ...(options.floorMs === undefined ? {} : { floorMs: options.floorMs }),
      accept({ body }) {
        const text = String(body);
        if (text === 'bad') throw new BadAnswer('bad');
        accepted.push(text);
        return text === 'again' ? 'reread' : 'accepted';
      },
    },
    stop.signal,
  );
  return { clock, query, sent, accepted, faults, lost };
}

describe('index', () => {
  test('is sent from the second call on, and follows the answers', async () => {
    const { clock, sent } = rig([ok(5), ok(9)]);
    await clock.advance(0);
    expect(sent).toEqual([0, 5, 9]);
  });

  test('gone backwards: starts over and says so once', async () => {
    const { clock, sent, lost } = rig([ok(50), ok(7, '["x"]'), ok(7, '["x"]')]);
    await clock.advance(0);
    expect(sent).toEqual([0, 50, 0, 7]);
    expect(lost).toEqual([[50, 7]]);
  });

  test('missing or without sense: polls once a second', async () => {
    const { clock, sent } = rig([], { last: ok(0) });
    await clock.advance(3500);
    expect(sent).toEqual([0, 0, 0, 0]);
  });

  test('a bad answer is repeated without an index and not accepted', async () => {
    const { clock, sent, faults, accepted } = rig([ok(5), ok(6, 'bad'), ok(6, '["y"]')]);
    await clock.advance(200);
    expect(sent).toEqual([0, 5, 0, 6]);
    expect(faults.map(({ code }) => code)).toEqual(['bad_answer']);
    expect(accepted).toEqual(['[]', '["y"]']);
  });
});

describe('content', () => {
  test('unchanged content is not looked at', async () => {
    const { clock, accepted } = rig([ok(1), ok(2), ok(3, '["x"]'), ok(4, '["x"]')]);
    await clock.advance(0);
    expect(accepted).toEqual(['[]', '["x"]']);
  });

  test('an answer that was not the last word is asked for again, even if it is the same', async () => {
    const { clock, sent, accepted } = rig([ok(3, 'again'), ok(3, 'again'), ok(3)]);
    await clock.advance(0);
    expect(sent).toEqual([0, 0, 0, 3]);
    expect(accepted).toEqual(['again', 'again', '[]']);
  });

  test('a nudge gives up the wait and asks without an index', async () => {
    const { clock, query, sent, faults } = rig([ok(5)]);
    await clock.advance(0);
    query.nudge();
    await clock.advance(0);
    expect(sent).toEqual([0, 5, 0]);
    expect(faults).toEqual([]);
  });
});

describe('pace', () => {
  test('ten immediate answers pass, then one in 100 ms', async () => {
    const { clock, sent } = rig([], { last: ok(5) });
    await clock.advance(0);
    expect(sent.length).toBe(11);
    await clock.advance(1000);
    expect(sent.length).toBe(21);
  });

  test('a change after a pause is followed up at once', async () => {
    const answers = Array.from({ length: 8 }, (_, i) => ok(i + 1, `[${i}]`));
    const { clock, sent } = rig(answers);
    await clock.advance(0);
    expect(sent.length).toBe(9);
    expect(clock.asked).toEqual([]);
  });
});

describe('failure', () => {
  test('backs off with full jitter from 100 ms to 1.5 s, without end', async () => {
    const { clock, faults } = rig([], { last: boom, random: 0.999_999 });
    await clock.advance(60_000);
    expect(clock.asked.slice(0, 6).map(Math.round)).toEqual([100, 200, 400, 800, 1500, 1500]);
    expect(faults.length).toBeGreaterThan(39);
  });

  test('the read after a failure does not wait for a change', async () => {
    const { clock, sent } = rig([ok(5), boom, ok(5)]);
    await clock.advance(100);
    expect(sent).toEqual([0, 5, 0, 5]);
  });

  test('ends when its signal aborts', async () => {
    const { clock, query } = rig([ok(5)]);
    await clock.advance(0);
    stop.abort();
    await query.done;
  });
});
