import type { CommandSpec } from '../config/model.ts';

/** The same for commands that do the same, wherever they were written down. */
export function keyOf({ line }: CommandSpec): string {
  return JSON.stringify(line);
}
