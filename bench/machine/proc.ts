/**
 * What `/proc` says of a process tree: CPU time and resident memory.
 * Fields as in proc(5): `stat` counts from 1, and `comm` may hold spaces and parentheses.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** User and system time of all its threads, ended ones included, in clock ticks. */
  readonly ticks: number;
  /** The same of its children that have ended and were waited for. */
  readonly endedTicks: number;
}

export function parseStat(text: string): Stat {
  const [pid = ''] = text.split(' ', 1);
  const rest = text.slice(text.lastIndexOf(')') + 2).split(' ');
  /** By its number in proc(5); the first of `rest` is field 3. */
  const field = (number: number): number => Number(rest[number - 3]);
  return {
    pid: Number(pid),
    parent: field(4),
    ticks: field(14) + field(15),
    endedTicks: field(16) + field(17),
  };
}

/** The processes that descend from `root`, itself first. */
export function descendants(all: readonly Stat[], root: number): Stat[] {
  const found = all.filter(({ pid }) => pid === root);
  for (let i = 0; i < found.length; i++) {
    found.push(...all.filter(({ parent }) => parent === found[i]!.pid));
  }
  return found;
}

/** `Rss:` of `smaps_rollup` in bytes: exact, where the figure of `stat` lags behind by some pages a thread. */
export function parseRss(text: string): number {
  return Number(/^Rss:\s+(\d+) kB/m.exec(text)?.[1]) * 1024;
}

/** CPU numbers of a list such as `0-2,5`. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [from = 0, to = from] = part.split('-').map(Number);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
}

/** CPU seconds a process and all its descendants have used so far. */
export function cpuSeconds(root: number): number {
  const ticks = treeOf(root).reduce((sum, stat) => sum + stat.ticks + stat.endedTicks, 0);
  return ticks / ticksPerSecond();
}

/** Resident bytes of a process and all its descendants; pages that they share count for each. */
export function rssBytes(root: number): number {
  const read = ({ pid }: Stat): number => parseRss(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  return treeOf(root).reduce((sum, stat) => sum + read(stat), 0);
}

/** CPUs this process may use. */
export function allowedCpus(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  return parseCpuList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '');
}

function treeOf(root: number): Stat[] {
  const all: Stat[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      all.push(parseStat(readFileSync(`/proc/${name}/stat`, 'latin1')));
    } catch {
      // Ended since the folder was read.
    }
  }
  return descendants(all, root);
}

let ticks = 0;

function ticksPerSecond(): number {
  if (ticks === 0) ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100;
  return ticks;
}
