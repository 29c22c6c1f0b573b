/** In which order test files run: a long one that comes last leaves all workers but its own idle. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The soak loads the machine for more than a minute; beside it run those that mostly wait, and after them the other
 * whole programs.
 */
export const FIRST: readonly string[] = [
  'test/e2e/soak.test.ts',
  'test/e2e/outage.test.ts',
  'test/e2e/boot.test.ts',
  'test/e2e/dev.test.ts',
  'test/e2e/',
  'test/src/commands/',
];

/** Within a rank it is vitest's order: by the durations it knows, else the larger file first. */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rank(a.moduleId) - rank(b.moduleId));
  }
}

/** Its place, from 0 for what begins. */
export function rank(path: string): number {
  const index = FIRST.findIndex((part) => path.includes(part));
  return index === -1 ? FIRST.length : index;
}
