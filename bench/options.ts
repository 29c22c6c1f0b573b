/** The flags of `npm run bench`. */
import { parseArgs } from 'node:util';
import { type ContestantName, contestantNames } from './contestants/index.ts';
import { type Work, type WorkName, works } from './works.ts';

export interface Options {
  readonly works: readonly Work[];
  readonly only: ReadonlySet<ContestantName>;
  /** Of one counted run. */
  readonly seconds: number;
  readonly rounds: number;
  /** After this time no further run is started, minutes. */
  readonly minutes: number;
  /** Whether `bench/RESULTS.md` is written. */
  readonly write: boolean;
}

const names = works.map((work) => work.name);

export const help = `Usage: node bench/run.ts [options]

Measures the CPU time per request of fairlead and of other proxies, one core each, in one run.

  --work LIST      of ${names.join(', ')}
  --only LIST      of ${contestantNames.join(', ')}
  --seconds N      length of a counted run (default: 3)
  --rounds N       counted runs of each pair of work and contestant (default: 3)
  --minutes N      start no run after this time (default: 22)
  --quick          one round of one second each: shows that everything works, its figures mean nothing
  --write          write bench/RESULTS.md even when this is not the full set
  --help           this text

The table goes to standard output, progress to standard error.
`;

/** Throws an Error with one line when a flag is wrong; null when help is asked for. */
export function readOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      work: { type: 'string' },
      only: { type: 'string' },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      minutes: { type: 'string', default: '22' },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const wanted = choose<WorkName>('--work', values.work, names);
  const isFull = values.work === undefined && values.only === undefined && !values.quick;
  return {
    works: works.filter((work) => wanted.has(work.name)),
    only: choose('--only', values.only, contestantNames),
    seconds: positive('--seconds', values.seconds ?? (values.quick ? '1' : '3')),
    rounds: positive('--rounds', values.rounds ?? (values.quick ? '1' : '3')),
    minutes: positive('--minutes', values.minutes),
    write: values.write || isFull,
  };
}

/** The names of a comma-separated list; all when there is none. */
export function choose<T extends string>(
  flag: string,
  list: string | undefined,
  all: readonly T[],
): ReadonlySet<T> {
  if (list === undefined) return new Set(all);
  const chosen = list.split(',').map((name) => name.trim());
  for (const name of chosen) {
    if (!all.some((known) => known === name))
      throw new Error(`${flag}: ${name} is none of ${all.join(', ')}`);
  }
  return new Set(chosen as T[]);
}

export function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value >= 1 && value <= 3600)) throw new Error(`${flag}: ${text} is not a number from 1 to 3600`);
  return value;
}
