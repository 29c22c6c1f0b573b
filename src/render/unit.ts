import type { CommandSpec, RenderConfig, TemplateSpec, WaitSpec } from './config/model.ts';
import { type Gathering, gather } from './quiescence.ts';
import type { Renderer } from './renderer.ts';

/** What a template last came to; the values of the label `result`. */
export type Result =
  | 'applied'
  | 'unchanged'
  | 'printed'
  /** Beside `applied`: a running server took the change, and its command was not needed. */
  | 'spared'
  /** A running server could not be told, so that its command had to run. */
  | 'socket_failed'
  | 'missing'
  | 'held'
  | 'failed'
  | 'check_failed'
  | 'write_failed'
  | 'command_failed';

/** A failing unit is tried again after this, doubling. */
const firstRetryMs = 1000;
const longestRetryMs = 60_000;

export interface UnitPart {
  readonly spec: TemplateSpec;
  readonly renderer: Renderer;
}

/** Templates that are committed together: a group, or one alone. Knows when it is to be looked at next. */
export class Unit {
  readonly parts: readonly UnitPart[];
  readonly wait: WaitSpec | null;
  readonly commands: readonly CommandSpec[];
  readonly minInstances: ReadonlyMap<string, number>;
  /** Monotonic; null waits for news. */
  dueMs: number | null = 0;
  gathering: Gathering | null = null;
  /** What it depends on; null while that is unknown, so that any news concerns it. */
  used: ReadonlySet<string> | null = null;
  missing: ReadonlySet<string> = new Set();
  /** Its files were right at least once. */
  isRendered = false;
  failures = 0;
  /** When it was last right; monotonic. */
  settledMs: number | null = null;
  result: Result | null = null;
  reason: string | null = null;

  constructor(parts: readonly UnitPart[], config: RenderConfig) {
    this.parts = parts;
    const waits = parts.flatMap(({ spec }) => (spec.wait === null ? [] : [spec.wait]));
    this.wait = config.once ? null : (waits.toSorted((one, other) => other.minMs - one.minMs)[0] ?? null);
    this.commands = parts.flatMap(({ spec }) => (spec.command === null ? [] : [spec.command]));
    this.minInstances = new Map([
      ...config.minInstances,
      ...parts.flatMap(({ spec }) => [...spec.minInstances]),
    ]);
  }

  /** Data arrived. @returns whether it began to gather, and when it will look */
  tell(ids: ReadonlySet<string>, nowMs: number): Gathering | null {
    const { used } = this;
    if (used !== null && ![...ids].some((id) => used.has(id) || this.missing.has(id))) return null;
    // What was missing has been waited for already.
    const isGathering = this.gathering !== null || (this.isRendered && this.missing.size === 0);
    if (this.wait === null || !isGathering) {
      this.dueMs = Math.min(this.dueMs ?? nowMs, nowMs);
      return null;
    }
    return this.gather(nowMs);
  }

  /** @returns the gathering when it is a new one */
  gather(nowMs: number): Gathering | null {
    if (this.wait === null) return null;
    const isNew = this.gathering === null;
    this.gathering = gather(this.gathering, this.wait, nowMs);
    this.dueMs = this.gathering.fireAtMs;
    return isNew ? this.gathering : null;
  }

  /** It is right now; what is left is to hear of news. */
  settle(result: Result, nowMs: number): void {
    this.settledMs = nowMs;
    this.result = result;
    this.reason = null;
    this.failures = 0;
    this.isRendered = true;
  }

  /** It is tried again by itself; news makes it sooner. */
  fail(result: Result, reason: string, nowMs: number): void {
    this.result = result;
    this.reason = reason;
    const retryMs = nowMs + Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.failures, 10));
    // What arrived meanwhile is looked at in its own time.
    this.dueMs = Math.min(this.dueMs ?? retryMs, retryMs);
    this.failures += 1;
  }
}

/** Templates with the same `commit_group` form one unit, at the place of the first. */
export function formUnits(config: RenderConfig, renderers: readonly Renderer[]): readonly Unit[] {
  const groups = new Map<string, UnitPart[]>();
  for (const [index, spec] of config.templates.entries()) {
    const renderer = renderers[index];
    if (renderer === undefined) throw new Error(`no renderer for ${spec.name}`);
    const key = spec.commitGroup === null ? `alone ${index}` : `group ${spec.commitGroup}`;
    groups.set(key, [...(groups.get(key) ?? []), { spec, renderer }]);
  }
  return [...groups.values()].map((parts) => new Unit(parts, config));
}
