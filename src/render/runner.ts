import { performance } from 'node:perf_hooks';
import type { Log } from '../control/log.ts';
import type { AppliedStore } from './commit/applied.ts';
import { Commands, type PendingCommit } from './commit/commands.ts';
import { sweepStale } from './commit/stage.ts';
import { writePieces } from './commit/write.ts';
import type { CommandSpec, RenderConfig, TemplateSpec } from './config/model.ts';
import { preview } from './dry-run.ts';
import { evaluate, piecesOf, tooFew } from './evaluate.ts';
import { applyLive, sparesCommands } from './live.ts';
import type { RenderSource } from './renderer.ts';
import { formUnits, type Result, type Unit } from './unit.ts';
import { type RenderCounts, type RenderView, viewUnit } from './views.ts';

export interface RunnerOptions {
  readonly config: RenderConfig;
  readonly source: RenderSource;
  readonly applied: AppliedStore;
  readonly log: Log;
  readonly counts: RenderCounts;
  readonly environment: (spec: CommandSpec) => NodeJS.ProcessEnv;
  /** For a dry run. */
  readonly print: (text: string) => void;
  readonly isTerminal: boolean;
  /** Every file was right for the first time. */
  readonly onAllRendered: () => void;
  /** After that: files changed and their commands succeeded; what each of them means for the child. */
  readonly onWritten: (reloads: readonly TemplateSpec['childReload'][]) => void;
}

export type RunnerEnd =
  /** A single run has done everything. */
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'stopped' };

/**
 * Some timer always runs: templates that ask for nothing have no watches, and without either the runtime would take
 * the process for done.
 */
const longestSleepMs = 3_600_000;

/** Keeps files as their templates want them: hears of news, waits for quiet, evaluates what is concerned, commits. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #units: readonly Unit[];
  readonly #commands: Commands;
  #wake: () => void = () => {};
  #end: RunnerEnd | null = null;
  #wasAllRendered = false;
  #running: Promise<RunnerEnd> | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#units = formUnits(options.config, options.source.renderers);
    this.#commands = new Commands(options.log, options.environment, () => performance.now());
  }

  /** Runs until it is stopped, or until a single run is over. Rejects only by a defect. */
  run(): Promise<RunnerEnd> {
    this.#running ??= this.#loop();
    return this.#running;
  }

  /** Dependencies have new data. Several calls in a row are looked at together. */
  changed(ids: ReadonlySet<string>): void {
    const now = performance.now();
    for (const unit of this.#units) this.#tellOfWait(unit, unit.tell(ids, now), now);
    this.#wake();
  }

  /** Ends after the commit that is under way, if there is one. */
  async stop(): Promise<void> {
    this.#end ??= { kind: 'stopped' };
    this.#wake();
    await this.#running;
  }

  views(): readonly RenderView[] {
    const now = performance.now();
    return this.#units.flatMap((unit) => viewUnit(unit, now));
  }

  async #loop(): Promise<RunnerEnd> {
    this.#sweep();
    // Without templates everything is rendered already, and the child may start.
    this.#tell([]);
    while (this.#end === null) {
      const now = performance.now();
      const due = this.#units.filter(({ dueMs }) => dueMs !== null && dueMs <= now);
      if (due.length > 0) await this.#pass(due);
      else if (this.#isDone()) this.#end = { kind: 'done' };
      else await this.#sleep(now);
    }
    return this.#end;
  }

  #sweep(): void {
    if (this.#options.config.dry) return;
    for (const { destination } of this.#options.config.templates) {
      const stale = destination === null ? [] : sweepStale(destination);
      if (stale.length > 0)
        this.#options.log.warn({ destination, stale }, 'removed what a killed process left');
    }
  }

  #isDone(): boolean {
    return this.#options.config.once && this.#units.every(({ isRendered }) => isRendered);
  }

  /** Until the next unit is due or news arrives. What arrives in the same turn is taken together. */
  async #sleep(nowMs: number): Promise<void> {
    const next = Math.min(...this.#units.map(({ dueMs }) => dueMs ?? Number.POSITIVE_INFINITY));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(longestSleepMs, Math.ceil(next - nowMs)));
      this.#wake = () => {
        clearTimeout(timer);
        setImmediate(resolve);
      };
    });
    this.#wake = () => {};
  }

  async #pass(due: readonly Unit[]): Promise<void> {
    const commits: PendingCommit<Unit>[] = [];
    for (const unit of due) {
      if (this.#end?.kind === 'stopped') break;
      const texts = this.#evaluate(unit);
      if (texts === null) continue;
      if (this.#options.config.dry) this.#preview(unit, texts);
      else commits.push(...(await this.#write(unit, texts)));
    }
    const now = (): number => performance.now();
    const outcomes = await this.#commands.settle(commits);
    for (const { subject: unit, reason } of outcomes) {
      if (reason === null) this.#settle(unit, 'applied');
      else this.#fail(unit, 'command_failed', reason, now());
    }
    const written = outcomes.filter(
      ({ reason }, index) => reason === null && commits[index]?.written.isChanged,
    );
    this.#forgetUnused();
    this.#tell(written.flatMap(({ subject }) => subject.parts.map(({ spec }) => spec.childReload)));
  }

  /** null when there is nothing to commit now. */
  #evaluate(unit: Unit): readonly string[] | null {
    const { config, source, log } = this.#options;
    const now = performance.now();
    const earliest = this.#earliest(unit);
    if (earliest > now) {
      unit.dueMs = earliest;
      return null;
    }
    const wasGathering = unit.gathering !== null;
    unit.gathering = null;
    unit.dueMs = null;
    const evaluation = evaluate(unit);
    if (evaluation.kind === 'missing') {
      this.#note(unit, 'missing');
      log.debug({ ...nameOf(unit), missing: [...unit.missing] }, 'waiting for data');
      return null;
    }
    if (evaluation.kind === 'failed') {
      this.#fail(unit, 'failed', evaluation.reason, now);
      if (evaluation.isFatal === true) this.#end = { kind: 'failed', reason: evaluation.reason };
      return null;
    }
    if (unit.wait?.initial === true && !unit.isRendered && !wasGathering && unit.failures === 0) {
      this.#tellOfWait(unit, unit.gather(now), now);
      return null;
    }
    const reason = tooFew(unit, (service) => source.countInstances(service));
    if (reason === null) return evaluation.texts;
    this.#note(unit, 'held');
    if (unit.result !== 'held' || unit.reason !== reason) log.warn({ ...nameOf(unit), reason }, 'held');
    unit.fail('held', reason, now);
    // A single run goes on waiting: too few is what a service looks like that is just starting.
    if (config.once) unit.dueMs = now + 1000;
    return null;
  }

  /** Commands are not run more often than the least time between two of them. */
  #earliest(unit: Unit): number {
    const { once, reloadIntervalMs } = this.#options.config;
    const last = once || sparesCommands(unit) ? null : this.#commands.lastRunMs(unit.commands);
    return last === null ? 0 : last + reloadIntervalMs;
  }

  async #write(unit: Unit, texts: readonly string[]): Promise<readonly PendingCommit<Unit>[]> {
    const placed = await writePieces(piecesOf(unit, texts), {
      applied: this.#options.applied,
      warn: (message) => this.#options.log.warn(message),
      runCheck: (spec, variables) => this.#commands.check(spec, variables),
    });
    const written = await applyLive(unit, texts, placed, (result) => this.#note(unit, result));
    if (written.kind === 'written') return [{ subject: unit, written }];
    if (written.kind === 'unchanged') this.#settle(unit, 'unchanged');
    else this.#fail(unit, written.result, written.reason, performance.now());
    return [];
  }

  #preview(unit: Unit, texts: readonly string[]): void {
    for (const [index, { spec }] of unit.parts.entries())
      this.#options.print(preview(spec.destination, texts[index] ?? '', this.#options.isTerminal));
    this.#settle(unit, 'printed');
  }

  #settle(unit: Unit, result: Result): void {
    this.#note(unit, result);
    if (unit.failures > 0) this.#options.log.info(nameOf(unit), 'rendered again');
    else if (result === 'applied') this.#options.log.info(nameOf(unit), 'rendered');
    unit.settle(result, performance.now());
  }

  /** The old files are in place; it is tried again, or ends a single run. */
  #fail(unit: Unit, result: Result, reason: string, nowMs: number): void {
    const { config, log } = this.#options;
    this.#note(unit, result);
    unit.fail(result, reason, nowMs);
    const again = config.once ? null : Math.ceil((unit.dueMs ?? nowMs) - nowMs);
    log.error({ ...nameOf(unit), result, reason, tryAgainMs: again }, 'not rendered');
    if (config.once) this.#end ??= { kind: 'failed', reason };
  }

  #note(unit: Unit, result: Result): void {
    for (const { spec } of unit.parts) this.#options.counts.add(spec.name, result);
    unit.result = result === 'missing' ? result : unit.result;
  }

  #forgetUnused(): void {
    const used = new Set<string>();
    for (const unit of this.#units) {
      if (unit.used === null) return;
      for (const id of unit.used) used.add(id);
      for (const id of unit.missing) used.add(id);
    }
    this.#options.source.retain(used);
  }

  #tell(reloads: readonly TemplateSpec['childReload'][]): void {
    const isFirst = !this.#wasAllRendered && this.#units.every(({ isRendered }) => isRendered);
    if (isFirst) {
      this.#wasAllRendered = true;
      this.#options.onAllRendered();
    } else if (reloads.length > 0 && this.#wasAllRendered) this.#options.onWritten(reloads);
  }

  #tellOfWait(unit: Unit, begun: ReturnType<Unit['gather']>, nowMs: number): void {
    if (begun === null) return;
    const [inMs, atMostMs] = [begun.fireAtMs - nowMs, begun.deadlineMs - nowMs].map(Math.round);
    this.#options.log.info({ ...nameOf(unit), inMs, atMostMs }, 'waiting for quiet');
  }
}

function nameOf(unit: Unit): { readonly template: string } {
  return { template: unit.parts.map(({ spec }) => spec.name).join(', ') };
}
