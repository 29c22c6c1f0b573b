import { type CountersLayout, EndpointCounters, EndpointState, EndpointTotal } from '../shared/counters.ts';
import type { Family, Labels, Sample } from './metrics.ts';

interface QueueNumbers {
  readonly pool: string;
  readonly service: string;
  readonly waiting: number;
  readonly timeouts: number;
  readonly overflows: number;
}

interface EndpointName {
  readonly id: string;
  readonly service: string;
}

interface SlottedName extends EndpointName {
  readonly slot: number;
}

/** Which pools and endpoints there are. */
export interface EndpointNames {
  /** Of the pools with a limit. */
  queues(): Iterable<QueueNumbers>;
  endpoints(): Iterable<SlottedName>;
  /** Endpoints that are in no pool because the router's own checks fail. */
  downEndpoints(): Iterable<EndpointName>;
}

/** What is told of each endpoint, and of each pool in which requests wait for one. */
export function endpointFamilies(layout: CountersLayout, names: EndpointNames): Family[] {
  const counters = new EndpointCounters(layout);

  const queues = (samples: (queue: QueueNumbers) => Iterable<Sample>) => () =>
    flatten(names.queues(), samples);
  const endpoints = (value: (slot: number) => number) => () =>
    flatten(names.endpoints(), (endpoint) => [ofEndpoint(endpoint, value(endpoint.slot))]);
  const up = endpoints((slot) => (counters.state(slot) === EndpointState.ejected ? 0 : 1));
  const down = () => flatten(names.downEndpoints(), (endpoint) => [ofEndpoint(endpoint, 0)]);

  return [
    {
      ...{ name: 'queued_requests', type: 'gauge', help: 'Waiting for an endpoint below its maxconn' },
      read: queues((queue) => [ofQueue(queue, queue.waiting)]),
    },
    {
      ...{ name: 'queue_refused_total', type: 'counter', help: 'Not served for want of room' },
      read: queues((queue) => [
        ofQueue(queue, queue.timeouts, { cause: 'timeout' }),
        ofQueue(queue, queue.overflows, { cause: 'full' }),
      ]),
    },
    {
      ...{ name: 'endpoint_in_flight', type: 'gauge', help: 'Requests in flight' },
      read: endpoints((slot) => counters.inFlight(slot)),
    },
    {
      ...{ name: 'endpoint_up', type: 'gauge', help: '1 while the endpoint takes traffic' },
      read: () => [...up(), ...down()],
    },
    {
      ...{ name: 'endpoint_requests_total', type: 'counter', help: 'Leases taken' },
      read: endpoints((slot) => counters.total(slot, EndpointTotal.served)),
    },
    {
      ...{ name: 'ejections_total', type: 'counter', help: 'Times taken out for failing' },
      read: endpoints((slot) => counters.total(slot, EndpointTotal.ejections)),
    },
  ];
}

const ofQueue = ({ service, pool }: QueueNumbers, value: number, more: Labels = {}): Sample => ({
  value,
  labels: { service, pool, ...more },
});

const ofEndpoint = ({ service, id }: EndpointName, value: number): Sample => ({
  value,
  labels: { service, endpoint: id },
});

function* flatten<T>(items: Iterable<T>, samples: (item: T) => Iterable<Sample>): Iterable<Sample> {
  for (const item of items) yield* samples(item);
}
