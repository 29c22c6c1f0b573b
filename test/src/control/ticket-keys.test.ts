/** The key that session tickets are sealed with. */
import { afterEach, expect, test, vi } from 'vitest';
import { TicketKeys } from '../../../src/control/ticket-keys.ts';
import type { ToWorker } from '../../../src/shared/messages.ts';

afterEach(() => void vi.useRealTimers());

function keyOf(message: ToWorker | undefined): string {
  if (message?.type !== 'ticket-key') throw new Error('no key');
  return Buffer.from(message.key).toString('hex');
}

test('is the same for every worker until it changes, and then everybody is told', () => {
  vi.useFakeTimers();
  const told: ToWorker[] = [];
  const keys = new TicketKeys((message) => told.push(message));
  const first = keyOf(keys.message());
  expect(first).toMatch(/^[0-9a-f]{96}$/);
  expect(keyOf(keys.message())).toBe(first);
  vi.advanceTimersByTime(12 * 60 * 60 * 1000 - 1);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told.map(keyOf)).toEqual([keyOf(keys.message())]);
  expect(keyOf(keys.message())).not.toBe(first);
  keys.close();
  vi.advanceTimersByTime(24 * 60 * 60 * 1000);
  expect(told.length).toBe(1);
});
