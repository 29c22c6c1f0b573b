import type { Problem } from '../config/load.ts';
import { exit } from '../exit-codes.ts';
import { complainAbout } from './terminal.ts';

/**
 * Tells every problem; a command line that is wrong by itself is a usage error, anything else bad
 * configuration.
 */
export function refuseToStart(problems: readonly Problem[]): number {
  complainAbout(problems);
  return problems.every(isUsage) ? exit.usage : exit.badConfig;
}

function isUsage({ at }: Problem): boolean {
  return at?.startsWith('flag ') === true && at !== 'flag --config';
}
