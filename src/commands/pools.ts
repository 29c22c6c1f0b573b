import type { Command } from 'commander';
import type { AdminOptions } from './admin.ts';
import { addAdminOptions, runQuery } from './query.ts';
import { type Column, formatTable } from './table.ts';
import { paint, type Style } from './terminal.ts';

/** What `/api/pools` answers, as far as it is shown here. */
interface PoolsAnswer {
  readonly pools?: readonly ListedPool[];
}

interface ListedPool {
  readonly name: string;
  readonly balance?: unknown;
  readonly endpoints?: readonly ListedEndpoint[];
}

export interface ListedEndpoint {
  readonly id: string;
  readonly address?: string;
  readonly port?: number;
  readonly weight?: number;
  readonly state?: string;
  readonly inFlight?: number;
  readonly served?: number;
  readonly failures?: number;
}

export const stateStyles: ReadonlyMap<string, Style> = new Map<string, Style>([
  ['active', 'green'],
  ['slow-start', 'cyan'],
  ['draining', 'yellow'],
  ['ejected', 'red'],
]);

const columns: readonly Column[] = [
  { title: 'POOL' },
  { title: 'BALANCE' },
  { title: 'ENDPOINT' },
  { title: 'STATE', style: (state) => stateStyles.get(state) ?? null },
  { title: 'WEIGHT', align: 'right' },
  { title: 'IN FLIGHT', align: 'right' },
  { title: 'SERVED', align: 'right' },
  { title: 'FAILURES', align: 'right', style: (count) => (count === '0' ? null : 'red') },
];

const examples = `
States: active, slow-start, ejected (failed too often), draining (gone, finishing its work).

Examples:
  fairlead pools
  watch -n1 fairlead pools
  fairlead pools --json | jq '.pools[].endpoints[] | select(.state == "ejected")'`;

export function addPools(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('pools')
    .description('the instances behind the routes, their state and load')
    .helpGroup('Ask a running router:');
  addAdminOptions(command)
    .addHelpText('after', examples)
    .action(async (options: AdminOptions) =>
      finish(await runQuery({ path: '/api/pools', format: formatPools }, options)),
    );
}

/** One line an endpoint; a pool is named on its first one. */
export function formatPools(body: unknown): readonly string[] {
  const { pools = [] } = body as PoolsAnswer;
  if (pools.length === 0) return ['no pools'];
  const count = pools.reduce((sum, pool) => sum + (pool.endpoints?.length ?? 0), 0);
  const summary = paint('dim', `${pools.length} pools, ${count} endpoints`);
  return [...formatTable(columns, pools.flatMap(poolRows)), '', summary];
}

function poolRows({ name, balance, endpoints = [] }: ListedPool): readonly (readonly string[])[] {
  if (endpoints.length === 0) return [[name, balanceText(balance), '(no healthy instance)']];
  return endpoints.map((endpoint, index) => [
    index === 0 ? name : '',
    index === 0 ? balanceText(balance) : '',
    endpoint.address === undefined ? endpoint.id : addressText(endpoint.address, endpoint.port),
    endpoint.state ?? '',
    String(endpoint.weight ?? ''),
    String(endpoint.inFlight ?? ''),
    String(endpoint.served ?? ''),
    String(endpoint.failures ?? ''),
  ]);
}

export function addressText(address: string, port: number | undefined): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port ?? '?'}`;
}

/** `least`, `hash:header:X-User` */
function balanceText(balance: unknown): string {
  if (typeof balance !== 'object' || balance === null) return String(balance ?? '');
  return Object.values(balance).join(':');
}
