import type { Result, Unit } from './unit.ts';

/** One template as operators see it. */
export interface RenderView {
  readonly template: string;
  readonly destination: string | null;
  readonly group: string | null;
  /** null before the first evaluation. */
  readonly result: Result | null;
  readonly reason: string | null;
  readonly missing: readonly string[];
  /** Since the file was last right, whether it was written then or not; null before that. */
  readonly settledMsAgo: number | null;
  /** When it is looked at next without news. */
  readonly nextInMs: number | null;
}

export function viewUnit(unit: Unit, nowMs: number): readonly RenderView[] {
  return unit.parts.map(({ spec }) => ({
    template: spec.name,
    destination: spec.destination,
    group: spec.commitGroup,
    result: unit.result,
    reason: unit.reason,
    missing: [...unit.missing].toSorted(),
    settledMsAgo: unit.settledMs === null ? null : Math.round(nowMs - unit.settledMs),
    nextInMs: unit.dueMs === null ? null : Math.max(0, Math.round(unit.dueMs - nowMs)),
  }));
}

/** `renders_total{template,result}`; outlives a reload of the configuration. */
export class RenderCounts {
  readonly #counts = new Map<string, Map<Result, number>>();

  add(template: string, result: Result): void {
    const counts = this.#counts.get(template) ?? new Map<Result, number>();
    counts.set(result, (counts.get(result) ?? 0) + 1);
    this.#counts.set(template, counts);
  }

  get(template: string, result: Result): number {
    return this.#counts.get(template)?.get(result) ?? 0;
  }

  *[Symbol.iterator](): Generator<{ template: string; result: Result; count: number }> {
    for (const [template, counts] of this.#counts)
      for (const [result, count] of counts) yield { template, result, count };
  }
}
