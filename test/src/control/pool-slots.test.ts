import { expect, test } from 'vitest';
import { PoolSlots } from '../../../src/control/pool-slots.ts';
import { createQueuesLayout, QueueCounters, QueueTotal } from '../../../src/shared/queue-counters.ts';

test('a pool keeps its row; whoever gets it next begins at nothing', () => {
  const counters = new QueueCounters(createQueuesLayout(2));
  const slots = new PoolSlots(counters);
  const slot = slots.take('a');
  expect([slots.take('a'), slots.take('b') === slot]).toEqual([slot, false]);
  for (const worker of [0, 1]) counters.addWaiting(slot, worker, 1);
  counters.add(slot, 1, QueueTotal.timeouts);
  counters.add(slot, 0, QueueTotal.overflows);
  counters.add(slot, 1, QueueTotal.overflows);
  expect(slots.read('a')).toEqual({ waiting: 2, timeouts: 1, overflows: 2 });
  for (const worker of [0, 1]) counters.addWaiting(slot, worker, -1);
  slots.drop('a');
  slots.drop('a');
  expect(slots.take('c')).toBe(slot);
  expect(slots.read('c')).toEqual({ waiting: 0, timeouts: 0, overflows: 0 });
  expect(slots.take('d')).not.toBe(slot);
});
