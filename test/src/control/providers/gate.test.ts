import { afterEach, expect, test } from 'vitest';
import { type Fault, fault } from '../../../../src/control/providers/fault.ts';
import { createGate } from '../../../../src/control/providers/gate.ts';
import { manualClock } from './manual-clock.ts';

let life = new AbortController();
afterEach(() => {
  life.abort();
  life = new AbortController();
});

const down = fault('unreachable', 'ECONNREFUSED');

function rig(random = 0.5) {
  const clock = manualClock(random);
  const knocks: number[] = [];
  const source: { answer: { kind: 'ok' } | Fault } = { answer: down };
  const knock = async () => {
    knocks.push(clock.now());
    return source.answer;
  };
  return { clock, knocks, source, gate: createGate(clock, knock, life.signal) };
}

test('one prober knocks, however many wait', async () => {
  const { clock, knocks, gate } = rig();
  for (let i = 0; i < 150; i += 1) {
    gate.report(down);
    void gate.pass(life.signal);
  }
  await clock.advance(10_000);
  expect(gate.isOpen()).toBe(false);
  expect(knocks.length).toBeGreaterThan(20);
  expect(knocks.length).toBeLessThan(35);
});

test('opens for all within a second of the first answer, spread over 200 ms', async () => {
  const { clock, source, gate } = rig(0.999);
  gate.report(down);
  let passed = 0;
  for (let i = 0; i < 150; i += 1) void gate.pass(life.signal).then(() => (passed += 1));
  await clock.advance(5000);
  source.answer = { kind: 'ok' };
  await clock.advance(1000);
  expect(passed).toBe(150);
});

test('few waiters go at once', async () => {
  const { clock, source, gate } = rig();
  gate.report(down);
  let passedAt = -1;
  void gate.pass(life.signal).then(() => (passedAt = clock.now()));
  source.answer = { kind: 'ok' };
  await clock.advance(1000);
  expect(passedAt).toBe(50);
});

test('any answer opens it, also a refusal; only faults of the whole source shut it', async () => {
  const { gate } = rig();
  for (const code of ['acl', 'server', 'rate_limited', 'bad_answer', 'too_large', 'aborted'] as const) {
    gate.report(fault(code, ''));
    expect(gate.isOpen()).toBe(true);
  }
  for (const code of ['unreachable', 'timeout', 'no_leader'] as const) {
    gate.report(fault(code, ''));
    expect(gate.isOpen()).toBe(false);
    gate.report(fault('acl', ''));
    expect(gate.isOpen()).toBe(true);
  }
});

test('a waiter whose signal aborts leaves', async () => {
  const { clock, gate } = rig();
  gate.report(down);
  const own = new AbortController();
  const passing = gate.pass(own.signal);
  await clock.advance(0);
  own.abort();
  await passing;
  expect(gate.isOpen()).toBe(false);
});
