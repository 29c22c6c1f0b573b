import type { Command } from 'commander';
import { type AdminOptions, ask, findTarget } from './admin.ts';
import { followHistory } from './follow.ts';
import { addAdminOptions, runQuery } from './query.ts';
import { refuseToStart } from './refuse.ts';
import { complain, paint, print, type Style, tolerateClosedPipe, visible } from './terminal.ts';

/** One entry of `/api/history`, as far as it is shown here. */
export interface ListedEntry {
  readonly version: number;
  readonly at: string;
  readonly cause: string;
  readonly changes?: readonly ListedChange[];
  readonly omitted?: number;
  readonly lagMs: number | null;
}

interface ListedChange {
  readonly kind: string;
  readonly endpoint?: string;
  readonly pools?: readonly string[];
  readonly why?: string;
  readonly from?: number;
  readonly to?: number;
  readonly route?: string;
  readonly pool?: string;
  readonly what?: readonly string[];
}

interface HistoryOptions extends AdminOptions {
  readonly since?: string;
  readonly follow?: boolean;
}

/** Before what follows, as with `tail -f`. */
const SHOWN_BEFORE = 10;

const examples = `
Examples:
  fairlead history --since 15m
  fairlead history --since 2026-01-31T12:00:00Z --json | jq '.[] | select(.lagMs > 10)'
  fairlead history --follow                   the latest ${SHOWN_BEFORE}, and what comes`;

export function addHistory(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('history')
    .description('what changed, why, and how long it took to be live')
    .helpGroup('Ask a running router:')
    .option(
      '--since <version|time|duration>',
      'only what came after a version or a time (default: all that is kept)',
    )
    .option('--follow', 'go on with what comes');
  addAdminOptions(command)
    .addHelpText('after', examples)
    .action(async (options: HistoryOptions) => finish(await runHistory(options)));
}

async function runHistory(options: HistoryOptions): Promise<number> {
  const { since, follow } = options;
  const path = since === undefined ? '/api/history' : `/api/history?since=${encodeURIComponent(since)}`;
  if (follow !== true) return runQuery({ path, format: formatHistory }, options);
  tolerateClosedPipe();
  const found = findTarget(options);
  if (!found.ok) return refuseToStart(found.problems);
  const answer = await ask(found.target, path);
  if (!answer.ok) {
    complain(answer.reason);
    return answer.code;
  }
  const show = (entry: ListedEntry): void => {
    if (options.json === true) print(JSON.stringify(entry));
    else for (const line of formatEntry(entry)) print(line);
  };
  const entries = answer.body as readonly ListedEntry[];
  for (const entry of since === undefined ? entries.slice(-SHOWN_BEFORE) : entries) show(entry);
  return followHistory(found.target, entries.at(-1)?.version ?? null, show);
}

export function formatHistory(body: unknown): readonly string[] {
  const entries = body as readonly ListedEntry[];
  return entries.length === 0 ? ['no changes'] : entries.flatMap(formatEntry);
}

/** A line with the cause, and one for each change. */
function formatEntry({ version, at, cause, changes = [], omitted, lagMs }: ListedEntry): string[] {
  const lag = lagMs === null ? 'not live everywhere' : `live after ${lagMs} ms`;
  return [
    `${paint('dim', visible(at))}  ${paint('bold', String(version))}  ${visible(cause)}  ${paint('dim', lag)}`,
    ...changes.map(formatChange),
    ...(omitted === undefined ? [] : [`    and ${omitted} more`]),
  ];
}

function formatChange(change: ListedChange): string {
  const [sign, style, words] = wordsOf(change);
  return `  ${paint(style, sign)} ${visible(words)}`;
}

function wordsOf(change: ListedChange): readonly [sign: string, style: Style, words: string] {
  const { kind, endpoint, pools = [], why, from, to, route, pool, what = [] } = change;
  const because = why ? `: ${why}` : '';
  switch (kind) {
    case 'endpoint-in':
      return ['+', 'green', `${endpoint} in ${pools.join(', ')}${because}`];
    case 'endpoint-out':
      return ['-', 'red', `${endpoint} out of ${pools.join(', ')}${because}`];
    case 'weight':
      return ['~', 'yellow', `${endpoint} weight ${from} → ${to} in ${pools.join(', ')}`];
    case 'route-added':
      return ['+', 'green', `route ${route}`];
    case 'route-removed':
      return ['-', 'red', `route ${route}`];
    default:
      return [
        '~',
        'yellow',
        `${route === undefined ? `pool ${pool}` : `route ${route}`}: ${what.join(', ')}`,
      ];
  }
}
