import { BUCKETS, type CountersLayout, HISTOGRAM_CELLS, Series } from '../shared/counters.ts';
import { type Family, histogramSamples, type Labels, type Sample } from './metrics.ts';

/** What a series is called; null for one that is not shown. */
type LabelsOf = (slot: number, detail: number) => Labels | null;

/** The series of all workers: one sample per label set, added up over them and over the columns of those that died. */
export class SharedSeries {
  readonly #series: readonly Series[];

  constructor(layout: CountersLayout) {
    this.#series = layout.series.map((series) => new Series(series));
  }

  counter(name: string, help: string, family: number, labels: LabelsOf): Family {
    return { name, help, type: 'counter', read: () => this.#values(family, labels) };
  }

  gauge(name: string, help: string, family: number, labels: LabelsOf): Family {
    return { name, help, type: 'gauge', read: () => this.#values(family, labels) };
  }

  histogram(name: string, help: string, family: number, labels: LabelsOf): Family {
    return { name, help, type: 'histogram', read: () => this.#histograms(family, labels) };
  }

  *#values(family: number, labelsOf: LabelsOf): Iterable<Sample> {
    for (const { labels, cells } of this.#sums(family, labelsOf, 1)) yield { value: cells[0]!, labels };
  }

  *#histograms(family: number, labelsOf: LabelsOf): Iterable<Sample> {
    for (const { labels, cells } of this.#sums(family, labelsOf, HISTOGRAM_CELLS)) {
      yield* histogramSamples(BUCKETS, cells.slice(1), cells[0]!, labels);
    }
  }

  #sums(family: number, labelsOf: LabelsOf, width: number): Iterable<{ labels: Labels; cells: number[] }> {
    const sums = new Map<string, { labels: Labels; cells: number[] }>();
    for (const series of this.#series) {
      series.read((found, slot, detail, cell) => {
        if (found !== family) return;
        const key = `${slot}:${detail}`;
        let known = sums.get(key);
        if (known === undefined) {
          const labels = labelsOf(slot, detail);
          if (labels === null) return;
          known = { labels, cells: new Array<number>(width).fill(0) };
          sums.set(key, known);
        }
        for (let i = 0; i < width; i++) known.cells[i]! += series.cells[cell + i]!;
      });
    }
    return sums.values();
  }
}
