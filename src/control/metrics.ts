import { collectDefaultMetrics, type Metric, Registry } from '@prometheus-io/client';
import { readVersion } from '../commands/version.ts';

/**
 * Everything `/metrics` says; the only file that knows the metrics library. Numbers of the request path are read from
 * shared memory when somebody asks; the others are few and read from where they live.
 */

export type Labels = Readonly<Record<string, string | number>>;

/** One sample; `suffix` for the parts of a histogram. */
export interface Sample {
  readonly value: number;
  readonly labels: Labels;
  readonly suffix?: string;
}

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** A metric that is read when it is scraped. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  read(): Iterable<Sample>;
}

export class Metrics {
  readonly #registry = new Registry();

  /** @param families beside those of the runtime and `build_info`, which every process has */
  constructor(families: Iterable<Family>) {
    collectDefaultMetrics({ register: this.#registry });
    // Each scrape empties these for the next, whose mean is then not a number; `event_loop_delay_seconds` tells the same.
    for (const { name } of this.#registry.getMetricsAsArray()) {
      if (name.startsWith('nodejs_eventloop_lag_')) this.#registry.removeSingleMetric(name);
    }
    for (const family of [buildInfo, ...families]) this.add(family);
  }

  add(family: Family): void {
    const name = `fairlead_${family.name}`;
    const get = async (): Promise<unknown> => ({
      name,
      help: family.help,
      type: family.type,
      aggregator: 'sum',
      values: Array.from(family.read(), ({ value, labels, suffix }) => ({
        value,
        labels,
        metricName: suffix === undefined ? name : `${name}_${suffix}`,
      })),
    });
    // The registry asks a metric for its samples through `get`; the library's own classes would copy every number first.
    this.#registry.registerMetric({ name, get } as unknown as Metric<string>);
  }

  /** Text exposition format 0.0.4. */
  async text(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }
}

const buildInfo: Family = {
  name: 'build_info',
  help: 'Version of the program and its runtime',
  type: 'gauge',
  read: () => [{ value: 1, labels: { version: readVersion(), node: process.version } }],
};

/** A few numbers kept on the main thread. */
export class Counts {
  readonly #values = new Map<string, number>();

  add(label: string, by = 1): void {
    this.#values.set(label, (this.#values.get(label) ?? 0) + by);
  }

  samples(labelName: string): Sample[] {
    return Array.from(this.#values, ([label, value]) => ({ value, labels: { [labelName]: label } }));
  }
}

/** A histogram kept on the main thread, for things that happen a few times a second at most. */
export class SmallHistogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** Upper bounds, ascending. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const found = this.#bounds.findIndex((bound) => value <= bound);
    this.#counts[found < 0 ? this.#bounds.length : found]!++;
    this.#sum += value;
  }

  samples(labels: Labels = {}): Sample[] {
    return histogramSamples(this.#bounds, this.#counts, this.#sum, labels);
  }
}

/** Cumulative buckets, sum and count as Prometheus has them. */
export function histogramSamples(
  bounds: readonly number[],
  counts: readonly number[],
  sum: number,
  labels: Labels,
): Sample[] {
  const samples: Sample[] = [];
  let total = 0;
  for (const [i, count] of counts.entries()) {
    total += count;
    samples.push({ value: total, labels: { ...labels, le: bounds[i] ?? '+Inf' }, suffix: 'bucket' });
  }
  samples.push({ value: sum, labels, suffix: 'sum' }, { value: total, labels, suffix: 'count' });
  return samples;
}
