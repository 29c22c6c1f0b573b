/** Kinds of failures that are told apart; what comes after them is counted as one. */
const MAX_KINDS = 50;

/** How often each kind of thing was done, and what went wrong. */
export class Tally {
  readonly done = new Map<string, number>();
  readonly failures = new Map<string, number>();
  failed = 0;

  count(kind: string): void {
    add(this.done, kind);
  }

  fail(kind: string, why: unknown): void {
    this.failed++;
    const text = `${kind}: ${why instanceof Error ? why.message : String(why)}`;
    add(this.failures, this.failures.size < MAX_KINDS || this.failures.has(text) ? text : 'others');
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
