/** What the figures were taken on: the kind of machine, never its name. */
import { cpus, release, totalmem, type } from 'node:os';

export function describeMachine(): readonly (readonly [what: string, value: string])[] {
  const model = cpus()[0]?.model.trim() ?? 'unknown';
  // Builds name themselves in the kernel's release; the number is what matters.
  const kernel = `${type()} ${/^[\d.]+/.exec(release())?.[0] ?? release()}`;
  return [
    ['date', new Date().toISOString().slice(0, 10)],
    ['kernel', kernel],
    ['CPU', `${model}, ${cpus().length} cores`],
    ['memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
    ['Node', process.versions.node],
  ];
}
