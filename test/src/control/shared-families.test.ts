/** Numbers of two workers, as they are told. */
import { expect, test } from 'vitest';
import type { Sample } from '../../../src/control/metrics.ts';
import { type Names, sharedFamilies } from '../../../src/control/shared-families.ts';
import {
  createCountersLayout,
  detailOf,
  EndpointCounters,
  EndpointState,
  EndpointTotal,
  Family,
  Series,
} from '../../../src/shared/counters.ts';

const GET_200 = detailOf(0, 1, 200);
const layout = createCountersLayout(2);
const workers = layout.series.map((each) => new Series(each));

const names: Names = {
  listener: (index) => ['web', 'secure'][index]!,
  route: (slot) => (slot === 1 ? { id: 'a.test/', service: 'a' } : null),
  mainDelaySeconds: () => 0.5,
  queues: () => [{ pool: 'p', service: 'a', waiting: 4, timeouts: 5, overflows: 6 }],
  endpoints: () => [
    { id: 'a-1', service: 'a', slot: 7 },
    { id: 'a-2', service: 'a', slot: 8 },
  ],
  downEndpoints: () => [{ id: 'a-3', service: 'a' }],
};

function read(name: string): Sample[] {
  const family = sharedFamilies(layout, names).find((each) => each.name === name);
  return [...family!.read()];
}

function count(worker: number, family: number, slot: number, detail: number, value: number): void {
  const series = workers[worker]!;
  series.cells[series.open(family, slot, detail)] = value;
}

test('counters are added up over workers; a route that is gone is not told', () => {
  count(0, Family.requests, 1, GET_200, 2);
  count(1, Family.requests, 1, GET_200, 3);
  count(1, Family.requests, 1, detailOf(1, 3, 503), 4);
  count(1, Family.requests, 0, GET_200, 7);
  count(1, Family.requests, 9, GET_200, 6);
  const route = { route: 'a.test/', service: 'a' };
  const samples = read('requests_total').sort((a, b) => a.value - b.value);
  expect(samples).toEqual([
    { value: 4, labels: { listener: 'secure', ...route, method: 'POST', code: 503 } },
    { value: 5, labels: { listener: 'web', ...route, method: 'GET', code: 200 } },
    { value: 7, labels: { listener: 'web', route: '', service: '', method: 'GET', code: 200 } },
  ]);
});

test('so are histograms', () => {
  for (const [worker, seconds] of [0.002, 0.004].entries()) {
    const series = workers[worker]!;
    series.observe(series.open(Family.requestSeconds, 1, GET_200), seconds);
  }
  const samples = read('request_duration_seconds');
  const labels = { listener: 'web', route: 'a.test/', service: 'a' };
  const of = (suffix: string): Sample[] => samples.filter((sample) => sample.suffix === suffix);
  expect(of('count')).toEqual([{ value: 2, labels, suffix: 'count' }]);
  expect(of('sum')[0]!.value).toBeCloseTo(0.006);
  const buckets = of('bucket').map(({ labels: { le }, value }) => [le, value]);
  expect(buckets.slice(0, 4)).toEqual([
    [0.001, 0],
    [0.0025, 1],
    [0.005, 2],
    [0.01, 2],
  ]);
});

test('endpoints and queues are told by name; one that is left out, or down, is not up', () => {
  const counters = new EndpointCounters(layout);
  for (const worker of [0, 0, 1]) counters.addInFlight(7, worker, 1);
  counters.add(8, 1, EndpointTotal.served);
  counters.setState(8, 1, EndpointState.ejected);
  const byEndpoint = (name: string) => read(name).map(({ labels, value }) => [labels.endpoint, value]);
  expect(byEndpoint('endpoint_in_flight')).toEqual([
    ['a-1', 3],
    ['a-2', 0],
  ]);
  expect(byEndpoint('endpoint_requests_total')[1]).toEqual(['a-2', 1]);
  expect(byEndpoint('endpoint_up')).toEqual([
    ['a-1', 1],
    ['a-2', 0],
    ['a-3', 0],
  ]);
  const queue = { service: 'a', pool: 'p' };
  expect(read('queued_requests')).toEqual([{ value: 4, labels: queue }]);
  expect(read('queue_refused_total')).toEqual([
    { value: 5, labels: { ...queue, cause: 'timeout' } },
    { value: 6, labels: { ...queue, cause: 'full' } },
  ]);
});
