/** The readings as a table for a person. */
import { textTable, whole } from '../../bench/text-table.ts';
import { type Difference, isExcess } from './reading.ts';
import type { SoakResult } from './soak.ts';

export function report({ tally, changes, kills, seconds, differences }: SoakResult): string {
  const done = [...tally.done].map(([kind, many]) => [kind, whole(many)]);
  const failures = [...tally.failures].map(([what, many]) => [what, whole(many)]);
  const rows = differences.map((difference) => {
    const { what, before, after, allowed, unit } = difference;
    const bound = allowed === null ? '–' : `+${inUnit(allowed, unit)}`;
    const verdict = allowed === null ? '' : isExcess(difference) ? 'GREW' : 'ok';
    return [what, inUnit(before, unit), inUnit(after, unit), bound, verdict];
  });
  return [
    `\n${seconds} s, ${whole(changes)} catalog changes, ${kills} instances killed, ${tally.failed} failures\n`,
    textTable(['done', 'times'], done),
    ...(failures.length > 0 ? [textTable(['failure', 'times'], failures)] : []),
    textTable(['at rest', 'before', 'after', 'allowed', ''], rows),
  ].join('\n\n');
}

function inUnit(value: number, unit: Difference['unit']): string {
  return unit === 'count' ? whole(value) : `${(value / 1024 / 1024).toFixed(2)} MiB`;
}
