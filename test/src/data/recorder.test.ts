import { beforeEach, describe, expect, test } from 'vitest';
import { Recorder } from '../../../src/data/recorder.ts';
import { createCountersLayout, Family, NO_ROUTE, Series } from '../../../src/shared/counters.ts';

const FIRST = 7;
const SECOND = 9;

describe('a route that is forgotten', () => {
  let recorder: Recorder;
  let reader: Series;

  beforeEach(() => {
    const layout = createCountersLayout(1).series[0]!;
    recorder = new Recorder(new Series(layout));
    reader = new Series(layout);
  });

  /** One of everything that is counted by route; two listeners, three kinds of answers. */
  function countAll(slot: number): void {
    recorder.request(slot, 0, 'GET', 200, 0.002, 0.001);
    recorder.request(slot, 0, 'POST', 503, 0.002, -1);
    recorder.request(slot, 1, 'GET', 200, 0.002, 0.001);
    recorder.retry(slot);
    recorder.stream(slot, 'client_closed', Family.streams);
    recorder.stream(slot, 'client_closed', Family.udpEndings);
  }

  /** `family of slot`, sorted, of all that is reported. */
  function reported(): string[] {
    const names = new Map(Object.entries(Family).map(([name, number]) => [number as number, name]));
    const found: string[] = [];
    reader.read((family, slot) => void found.push(`${names.get(family)} of ${slot}`));
    return found.sort();
  }

  /** Of counters; a histogram counts its answers. */
  function sum(family: number, slot: number): number {
    let total = 0;
    reader.read((found, foundSlot, _detail, cell) => {
      if (found === family && foundSlot === slot) total += reader.cells[cell]!;
    });
    return total;
  }

  /** The last cell in use: what does not grow is used again. */
  function lastCell(): number {
    let last = 0;
    reader.read((_family, _slot, _detail, cell) => {
      last = Math.max(last, cell);
    });
    return last;
  }

  test('is reported no more, in any family; others keep their counts', () => {
    countAll(FIRST);
    countAll(SECOND);
    countAll(NO_ROUTE);
    const ofOthers = reported().filter((each) => !each.endsWith(` of ${FIRST}`));
    expect(reported().length).toBe((ofOthers.length / 2) * 3);
    recorder.forget(FIRST);
    expect(reported()).toEqual(ofOthers);
    expect([sum(Family.requests, SECOND), sum(Family.retries, SECOND)]).toEqual([3, 1]);
  });

  test('leaves its cells to the next, empty', () => {
    countAll(FIRST);
    const last = lastCell();
    for (let slot = SECOND; slot < 1_000; slot++) {
      recorder.forget(slot === SECOND ? FIRST : slot - 1);
      countAll(slot);
    }
    expect(lastCell()).toBe(last);
    expect(sum(Family.requests, 999)).toBe(3);
    expect(sum(Family.streams, 999)).toBe(1);
    expect(sum(Family.requestSeconds, 999)).toBeCloseTo(0.006);
  });

  test.each([
    ['had been counted', true],
    ['had never been counted here', false],
  ])('counts what still runs as having no route, when it %s', (_, isCounted) => {
    if (isCounted) countAll(FIRST);
    recorder.forget(FIRST);
    const before = reported();
    countAll(FIRST);
    countAll(FIRST);
    expect(before).toEqual([]);
    expect(new Set(reported().map((each) => each.split(' of ')[1]))).toEqual(new Set([`${NO_ROUTE}`]));
    expect([sum(Family.requests, NO_ROUTE), sum(Family.retries, NO_ROUTE)]).toEqual([6, 2]);
  });

  test('ends nothing when it is forgotten twice, or never was', () => {
    countAll(NO_ROUTE);
    const before = reported();
    recorder.forget(NO_ROUTE);
    recorder.forget(FIRST);
    recorder.forget(FIRST);
    expect(reported()).toEqual(before);
    expect(sum(Family.requests, NO_ROUTE)).toBe(3);
  });
});

test('a port that is closed ends its series, and begins anew', () => {
  const layout = createCountersLayout(1).series[0]!;
  const recorder = new Recorder(new Series(layout));
  const reader = new Series(layout);
  const read = (): number[][] => {
    const rows: number[][] = [];
    reader.read((family, slot, _detail, cell) => void rows.push([family, slot, reader.cells[cell]!]));
    return rows.sort((a, b) => a[0]! - b[0]!);
  };
  for (const family of [Family.connections, Family.accepted, Family.refused])
    recorder.add(family, 5432, 0, 2);
  recorder.put(Family.udpSessions, 5432, 4);
  recorder.forgetPort('tcp', 5432);
  expect(read()).toEqual([[Family.udpSessions, 5432, 4]]);
  recorder.forgetPort('udp', 5432);
  recorder.forgetPort('udp', 53);
  expect(read()).toEqual([]);
  recorder.add(Family.accepted, 5432, 0, 1);
  expect(read()).toEqual([[Family.accepted, 5432, 1]]);
});
