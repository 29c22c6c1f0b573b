import type { Command } from 'commander';
import type { AdminOptions } from './admin.ts';
import { addAdminOptions, runQuery } from './query.ts';
import { type Column, formatTable } from './table.ts';
import { paint } from './terminal.ts';

/** What `/api/routes` answers, as far as it is shown here. */
interface RoutesAnswer {
  readonly version?: number;
  readonly routes?: readonly ListedRoute[];
  readonly refused?: readonly Refused[];
}

interface ListedRoute {
  readonly id: string;
  readonly pool: string | null;
  readonly listeners?: readonly string[] | null;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly source?: {
    readonly provider?: string;
    readonly service?: string;
    readonly instances?: readonly string[];
  };
}

interface Refused {
  readonly service: string;
  readonly instance: string;
  readonly text: string;
  readonly reason: string;
}

const routeColumns: readonly Column[] = [
  { title: 'ROUTE' },
  { title: 'POOL' },
  { title: 'LISTENERS' },
  { title: 'INSTANCES', align: 'right' },
  { title: 'SOURCE' },
  { title: 'OPTIONS' },
];

const refusedColumns: readonly Column[] = [
  { title: 'SERVICE' },
  { title: 'INSTANCE' },
  { title: 'TAG' },
  { title: 'REASON', style: () => 'red' },
];

const examples = `
Examples:
  fairlead routes
  fairlead routes --admin 10.0.0.5:9998 --token-file /run/secrets/fairlead
  fairlead routes --json | jq '.refused'`;

export function addRoutes(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('routes')
    .description('what a running router routes, and which tags it refused')
    .helpGroup('Ask a running router:');
  addAdminOptions(command)
    .addHelpText('after', examples)
    .action(async (options: AdminOptions) =>
      finish(await runQuery({ path: '/api/routes', format: formatRoutes }, options)),
    );
}

/** Routes first, refused tags below. */
export function formatRoutes(body: unknown): readonly string[] {
  const { version, routes = [], refused = [] } = body as RoutesAnswer;
  const lines = routes.length === 0 ? ['no routes'] : [...formatTable(routeColumns, routes.map(routeRow))];
  lines.push('', paint('dim', `${routes.length} routes, table version ${version ?? '?'}`));
  if (refused.length === 0) return lines;
  const rows = refused.map((each) => [each.service, each.instance, each.text, each.reason]);
  return [...lines, '', paint('yellow', `${refused.length} refused:`), ...formatTable(refusedColumns, rows)];
}

function routeRow(route: ListedRoute): readonly string[] {
  const { provider = '', service = '', instances = [] } = route.source ?? {};
  return [
    route.id,
    route.pool ?? '-',
    route.listeners?.join(',') ?? '*',
    String(instances.length),
    service === '' ? provider : `${provider}:${service}`,
    Object.entries(route.options ?? {})
      .map(([name, value]) => `${name}=${optionText(value)}`)
      .join(' '),
  ];
}

function optionText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
