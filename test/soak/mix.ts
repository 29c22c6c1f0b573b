import type { Random } from '../fuzz/random.ts';
import { CALM_SERVICES, type Churn, DEADLY_SERVICES, hostOf } from './churn.ts';
import { type CleanContext, jobs, pause, pickJob, sessions } from './clean.ts';
import type { FleetMember } from './fleet.ts';
import { type RoughContext, rough, slow } from './rough.ts';
import { Talk } from './talk.ts';
import type { Tally } from './tally.ts';

export interface MixOptions {
  readonly port: number;
  readonly ratePerSecond: number;
  readonly changesPerSecond: number;
  /** The least time. It goes on until all changes are made, on a machine that is too busy to make them in time. */
  readonly seconds: number;
  readonly random: Random;
  readonly tally: Tally;
  readonly churn: Churn;
  readonly mortal: readonly FleetMember[];
}

/** Connections that are kept by clean clients; each does one thing after the other. */
const CLEAN_CONNECTIONS = 32;
/** Of each kind of session and of slow client, at the same time. */
const SESSIONS = 3;
const SLOW = 8;
/** Each kind of rough client, this often. */
const ROUGH_EVERY_MS = 250;
const KILL_EVERY_MS = 4_000;
const DOWN_MS = 1_500;
const SAY_EVERY_MS = 10_000;
/** So much longer than wanted it takes at most. */
const MOST_TIMES = 3;

/** Everything that is done, by name. */
export const KINDS: readonly string[] = [jobs, sessions, rough, slow].flatMap((kinds) => Object.keys(kinds));

/** Everything that happens at the same time. */
export class Mix {
  kills = 0;
  readonly #options: MixOptions;
  readonly #clean: CleanContext;
  readonly #stop = new AbortController();

  constructor(options: MixOptions) {
    this.#options = options;
    this.#clean = {
      ...{ port: options.port, random: options.random },
      ...{ calmHosts: CALM_SERVICES.map(hostOf), deadlyHosts: DEADLY_SERVICES.map(hostOf) },
    };
  }

  /** Ends when everybody has left. */
  async run(say: (line: string) => void): Promise<void> {
    const startedAt = performance.now();
    const progress = setInterval(() => say(this.#progress(startedAt)), SAY_EVERY_MS);
    const rest: RoughContext = {
      ...{ port: this.#options.port, random: this.#options.random, signal: this.#stop.signal },
      ...{ hosts: this.#clean.calmHosts, passingHost: () => this.#options.churn.passingHost },
    };
    await Promise.all([
      ...Array.from({ length: CLEAN_CONNECTIONS }, () => this.#client()),
      ...Object.entries(sessions).flatMap(([kind, session]) =>
        Array.from({ length: SESSIONS }, () => this.#repeat(kind, 0, () => session(this.#clean))),
      ),
      ...Object.entries(rough).map(([kind, one]) => this.#repeat(kind, ROUGH_EVERY_MS, () => one(rest))),
      ...Object.entries(slow).flatMap(([kind, one]) =>
        Array.from({ length: SLOW }, () => this.#repeat(kind, 0, () => one(rest))),
      ),
      this.#change(),
      this.#kill(),
    ]);
    clearInterval(progress);
  }

  get #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  #progress(startedAt: number): string {
    const { tally, churn } = this.#options;
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    const done = [...tally.done.values()].reduce((sum, many) => sum + many, 0);
    const failures = [...tally.failures].map(([what, many]) => `\n    ${many} × ${what}`).join('');
    return `${seconds} s: ${done} done, ${tally.failed} failed, ${churn.changes} changes, ${this.kills} kills${failures}`;
  }

  /** One kept connection, at its share of the rate. */
  async #client(): Promise<void> {
    const { port, random, tally, ratePerSecond } = this.#options;
    const everyMs = (CLEAN_CONNECTIONS * 1_000) / ratePerSecond;
    let talk = new Talk(port);
    let dueAt = performance.now() + (everyMs * random.below(1_000)) / 1_000;
    for (; !this.#isOver; dueAt = Math.max(dueAt + everyMs, performance.now() - 1_000)) {
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await pause(waitMs);
      const kind = pickJob(random);
      try {
        await jobs[kind]!.run(talk, this.#clean);
        tally.count(kind);
      } catch (error) {
        tally.fail(kind, error);
        talk.close();
      }
      if (talk.socket.destroyed || talk.reader.ended !== undefined) {
        talk.close();
        talk = new Talk(port);
      }
    }
    talk.close();
  }

  /** The same thing again and again, `everyMs` from start to start at least. */
  async #repeat(kind: string, everyMs: number, once: () => Promise<void>): Promise<void> {
    const { tally } = this.#options;
    while (!this.#isOver) {
      const startedAt = performance.now();
      try {
        await once();
        tally.count(kind);
      } catch (error) {
        tally.fail(kind, error);
      }
      // A failure must not become a flood.
      await pause(Math.max(20, everyMs - (performance.now() - startedAt)));
    }
  }

  /** With the last change everything is over. */
  async #change(): Promise<void> {
    const { churn, changesPerSecond, seconds } = this.#options;
    const startedAt = performance.now();
    const latestAt = startedAt + seconds * MOST_TIMES * 1_000;
    try {
      for (let done = 1; done <= seconds * changesPerSecond && performance.now() < latestAt; done++) {
        await churn.change();
        await pause(Math.max(0, startedAt + (done * 1_000) / changesPerSecond - performance.now()));
      }
    } finally {
      this.#stop.abort();
    }
  }

  /** One mortal instance after the other dies and comes back. */
  async #kill(): Promise<void> {
    const { mortal } = this.#options;
    while (!this.#isOver) {
      await pause(KILL_EVERY_MS - DOWN_MS);
      if (this.#isOver) return;
      const member = mortal[this.kills++ % mortal.length]!;
      await member.kill();
      await pause(DOWN_MS);
      await member.start();
    }
  }
}
