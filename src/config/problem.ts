import type { Config } from './config.ts';

/** Something an operator has to correct. */
export interface Problem {
  /** `file:line:column`, `flag --x` or `environment X`; null where no single place is to blame. */
  readonly at: string | null;
  readonly message: string;
}

export type LoadResult =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly warnings: readonly string[];
      /** Absolute path of the file that was read; null when there is none. */
      readonly file: string | null;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Collects while sources are read, so that everything can be reported at once. */
export interface Findings {
  readonly problems: Problem[];
  readonly warnings: string[];
}

/** One line for a person. */
export function describeProblem(problem: Problem): string {
  return problem.at === null ? problem.message : `${problem.at}: ${problem.message}`;
}

/** Flags and environment as they came, then the file from top to bottom. */
export function inReadingOrder(problems: readonly Problem[]): readonly Problem[] {
  const position = ({ at }: Problem): readonly number[] => {
    const match = /:(\d+):(\d+)$/.exec(at ?? '');
    return match === null ? [0, 0] : [Number(match[1]), Number(match[2])];
  };
  return problems.toSorted((one, other) => {
    const [line = 0, column = 0] = position(one);
    const [otherLine = 0, otherColumn = 0] = position(other);
    return line - otherLine || column - otherColumn;
  });
}
