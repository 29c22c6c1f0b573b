import type { Command } from 'commander';
import type { AdminOptions } from './admin.ts';
import { addressText, type ListedEndpoint, stateStyles } from './pools.ts';
import { addAdminOptions, runQuery } from './query.ts';
import { type Column, formatTable } from './table.ts';
import { paint, type Style, visible } from './terminal.ts';

/** What `/api/explain` answers, as far as it is shown here. */
interface ExplainAnswer {
  readonly version?: number;
  readonly request?: Readonly<Record<string, string>>;
  readonly decision?: 'forward' | 'redirect' | 'answer' | 'refuse';
  readonly reason?: string | null;
  readonly status?: number | null;
  readonly why?: string;
  readonly location?: string | null;
  readonly target?: string | null;
  readonly route?: string | null;
  readonly source?: { readonly provider?: string; readonly service?: string; readonly text?: string } | null;
  readonly candidates?: readonly Candidate[];
  readonly near?: readonly string[];
  readonly pool?: string | null;
  readonly endpoints?: readonly (ListedEndpoint & { readonly held?: string })[];
  readonly excluded?: readonly Excluded[];
}

interface Candidate {
  readonly route: string;
  readonly matched: boolean;
  readonly takes?: boolean;
  readonly why: string;
}

interface Excluded {
  readonly instance: string;
  readonly check: string | null;
  readonly status: string;
  readonly output: string;
}

interface ExplainOptions extends AdminOptions {
  readonly method?: string;
  readonly header: readonly string[];
  readonly client?: string;
  readonly listener?: string;
}

const decisionStyles: Readonly<Record<string, Style>> = { forward: 'green', redirect: 'cyan', refuse: 'red' };

const candidateColumns: readonly Column[] = [{ title: '' }, { title: 'ROUTE' }, { title: 'WHY' }];

const endpointColumns: readonly Column[] = [
  { title: 'ENDPOINT' },
  { title: 'STATE', style: (state) => stateStyles.get(state) ?? null },
  { title: 'WEIGHT', align: 'right' },
  { title: 'IN FLIGHT', align: 'right' },
  { title: '' },
];

const excludedColumns: readonly Column[] = [
  { title: 'INSTANCE' },
  { title: 'CHECK OR TAG' },
  { title: 'STATUS', style: (status) => (status === 'warning' ? 'yellow' : 'red') },
  { title: 'OUTPUT' },
];

const examples = `
Nothing is sent anywhere: the router says what it would do.

Examples:
  fairlead explain http://shop.example.com/cart
  fairlead explain shop.example.com/cart --method POST --client 203.0.113.7
  fairlead explain tcp://:15432
  fairlead explain tls://db.example.com:15433
  fairlead explain shop.example.com --header 'X-Forwarded-Proto: https' --client 10.0.0.1 --listener web`;

export function addExplain(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('explain')
    .argument('<url>', 'what a client would ask for; http:// unless it says otherwise')
    .description('where a request would go, and why')
    .helpGroup('Ask a running router:')
    .option('--method <method>', 'method of the request (default: GET)')
    .option('--header <name:value>', 'field of the request, repeatable', repeat, [])
    .option('--client <address>', 'address that connects (default: 127.0.0.1)')
    .option('--listener <name>', 'listener it comes to (default: by scheme and port of the URL)');
  addAdminOptions(command)
    .addHelpText('after', examples)
    .action(async (url: string, options: ExplainOptions) =>
      finish(await runQuery({ path: pathOf(url, options), format: formatExplanation }, options)),
    );
}

function repeat(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

function pathOf(url: string, { method, header, client, listener }: ExplainOptions): string {
  const params = new URLSearchParams({ url });
  for (const [name, value] of Object.entries({ method, client, listener }))
    if (value !== undefined) params.set(name, value);
  for (const text of header) params.append('header', text);
  return `/api/explain?${params}`;
}

/** The decision first, then what led to it, from the rules down to the instances. */
export function formatExplanation(body: unknown): readonly string[] {
  const answer = body as ExplainAnswer;
  const { candidates = [], near = [], endpoints = [], excluded = [], version } = answer;
  return [
    ...decisionLines(answer),
    ...section('Routes of this host, in order', candidateColumns, candidates.map(candidateRow)),
    ...(near.length === 0 ? [] : ['', `Did you mean ${near.map(visible).join(', ')}?`]),
    ...section('Endpoints', endpointColumns, endpoints.map(endpointRow)),
    ...section('Left out', excludedColumns, excluded.map(excludedRow)),
    '',
    paint('dim', `table version ${version ?? '?'}`),
  ];
}

function decisionLines(answer: ExplainAnswer): string[] {
  const { request = {}, decision = '', why = '', route, source, pool } = answer;
  const listener = request.listener === undefined ? '' : `, listener ${request.listener}`;
  const asked = `${request.method ?? 'connect'} ${request.url}  from ${request.client}${listener}`;
  const lines = [
    visible(asked),
    '',
    paint(decisionStyles[decision] ?? 'bold', visible(outcome(answer))),
    `  ${visible(why)}`,
  ];
  if (route && source) {
    const from = [source.provider, source.service].filter(Boolean).join(':');
    lines.push(`  by ${visible(`${source.text}  (${from})`)}`);
  }
  if (pool) lines.push(`  pool ${visible(pool)}`);
  return lines;
}

function outcome({ decision, pool, target, status, location, reason }: ExplainAnswer): string {
  if (decision === 'forward') return `forward to ${pool}${target ? ` as ${target}` : ''}`;
  if (decision === 'redirect') return `redirect ${status} to ${location}`;
  if (decision === 'answer') return 'the router answers by itself';
  return ['refuse', reason && `with ${status} ${reason}`].filter(Boolean).join(' ');
}

function section(
  title: string,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  return rows.length === 0 ? [] : ['', paint('bold', `${title}:`), ...formatTable(columns, rows)];
}

function candidateRow({ route, matched, takes, why }: Candidate): readonly string[] {
  return [matched ? '→' : takes === true ? '=' : '-', route, why];
}

function endpointRow({
  id,
  address,
  port,
  state,
  weight,
  inFlight,
  held,
}: ExplainedEndpoint): readonly string[] {
  const place = address === undefined ? id : addressText(address, port);
  return [place, state ?? '', String(weight ?? ''), String(inFlight ?? ''), held ?? ''];
}

type ExplainedEndpoint = NonNullable<ExplainAnswer['endpoints']>[number];

function excludedRow({ instance, check, status, output }: Excluded): readonly string[] {
  return [instance, check ?? '-', status, output.trim()];
}
