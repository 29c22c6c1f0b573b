import type { Delta, EndpointFact, Health, Instance, Pool, Route } from '../../../router/model.ts';
import type { Replaced } from '../../../router/planner.ts';
import { nameOf, shorten } from './causes.ts';
import type { Cause, Change } from './entry.ts';

export interface ChangesContext {
  readonly accepts: (health: Health) => boolean;
  readonly outputOf: (check: string) => string | null;
}

const MAX_CHANGES = 50;
const MAX_POOLS = 5;

/** What a commit changed, item by item: endpoints first, then routes; as many as are worth keeping. */
export function changesOf(
  delta: Delta,
  replaced: Replaced,
  causes: readonly Cause[],
  context: ChangesContext,
): { readonly changes: readonly Change[]; readonly omitted: number } {
  const list = new ChangeList();
  const whys = new Whys(causes, context);
  for (const pool of delta.pools.set) comparePools(replaced.pools.get(pool.name), pool, list, whys);
  for (const name of delta.pools.drop) comparePools(replaced.pools.get(name), null, list, whys);
  for (const id of delta.routes.drop) list.add({ kind: 'route-removed', route: id });
  for (const route of delta.routes.set) {
    const was = replaced.routes.get(route.id);
    if (was === undefined) list.add({ kind: 'route-added', route: route.id });
    else list.add({ kind: 'route-changed', route: route.id, what: differences(was, route, ROUTE_PARTS) });
  }
  return list;
}

/** Changes up to the limit, and the number of those beyond. One endpoint in many pools is one change. */
class ChangeList {
  readonly changes: Change[] = [];
  omitted = 0;
  readonly #poolsOf = new Map<string, string[]>();

  get isFull(): boolean {
    return this.changes.length >= MAX_CHANGES;
  }

  add(change: Change): void {
    if (this.isFull) this.omitted++;
    else this.changes.push(change);
  }

  /** `make` is asked only for the first of its pools. */
  addFor(key: string, pool: string, make: (pools: readonly string[]) => Change): void {
    const known = this.#poolsOf.get(key);
    if (known !== undefined) {
      if (known.length < MAX_POOLS) known.push(pool);
      return;
    }
    if (this.isFull) {
      this.omitted++;
      return;
    }
    const pools = [pool];
    this.#poolsOf.set(key, pools);
    this.changes.push(make(pools));
  }
}

function comparePools(was: Pool | undefined, now: Pool | null, list: ChangeList, whys: Whys): void {
  const pool = now?.name ?? was!.name;
  const old = new Map(was?.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  for (const fact of now?.endpoints ?? []) {
    const before = old.get(fact.id);
    old.delete(fact.id);
    const common = { service: serviceOf(fact), endpoint: fact.id, instance: fact.instance };
    if (before === undefined) {
      list.addFor(`in ${fact.id}`, pool, (pools) => ({
        kind: 'endpoint-in',
        ...common,
        pools,
        why: whys.in(fact),
      }));
    } else if (before.weight !== fact.weight) {
      const [from, to] = [before.weight, fact.weight];
      list.addFor(`${from} ${to} ${fact.id}`, pool, (pools) => ({
        kind: 'weight',
        ...common,
        pools,
        from,
        to,
      }));
    }
  }
  for (const fact of old.values()) {
    const common = { service: serviceOf(fact), endpoint: fact.id, instance: fact.instance };
    list.addFor(`out ${fact.id}`, pool, (pools) => ({
      kind: 'endpoint-out',
      ...common,
      pools,
      why: whys.out(fact),
    }));
  }
  if (was === undefined || now === null) return;
  const what = differences(was, now, POOL_PARTS);
  if (what.length > 0) list.add({ kind: 'pool-changed', pool, what });
}

const ROUTE_PARTS = [
  'rule',
  'pool',
  'service',
  'options',
  'source',
] as const satisfies readonly (keyof Route)[];
const POOL_PARTS = ['service', 'balance', 'maxconn'] as const satisfies readonly (keyof Pool)[];

function differences<T>(was: T, now: T, parts: readonly (keyof T & string)[]): string[] {
  return parts.filter((part) => JSON.stringify(was[part]) !== JSON.stringify(now[part]));
}

/** `service@address:port`; no address contains an `@`. */
function serviceOf({ id }: EndpointFact): string {
  return id.slice(0, id.lastIndexOf('@'));
}

/** Why an endpoint came or went, from the news of its service. */
class Whys {
  readonly #context: ChangesContext;
  readonly #news = new Map<string, Extract<Cause, { kind: 'service' }>>();
  readonly #checks: Extract<Cause, { kind: 'check' }>[] = [];
  readonly #otherwise: string;

  constructor(causes: readonly Cause[], context: ChangesContext) {
    this.#context = context;
    for (const cause of causes) {
      if (cause.kind === 'service') this.#news.set(cause.service, cause);
      if (cause.kind === 'check') this.#checks.push(cause);
    }
    const other = causes.find(({ kind }) => kind === 'lines' || kind === 'config');
    this.#otherwise = other === undefined ? '' : other.kind === 'lines' ? 'a KV line' : 'the configuration';
  }

  in(fact: EndpointFact): string {
    const [was, now] = this.#instances(fact);
    if (now !== undefined) {
      if (was === undefined) return 'registered';
      if (!this.#context.accepts(was.health)) return `${was.health} no more`;
      const moved = whatMoved(was, now);
      if (moved !== '') return moved;
    }
    const check = this.#checkOf(fact);
    return check === undefined ? this.#otherwise : "passes the router's own check";
  }

  out(fact: EndpointFact): string {
    const news = this.#news.has(serviceOf(fact));
    const [was, now] = this.#instances(fact);
    if (news && now === undefined) return was === undefined ? this.#otherwise : 'deregistered';
    if (now !== undefined && !this.#context.accepts(now.health)) return this.#failing(now);
    const moved = was && now ? whatMoved(was, now) : '';
    if (moved !== '') return moved;
    const check = this.#checkOf(fact);
    if (check === undefined) return this.#otherwise;
    return `fails the router's own check: ${shorten(this.#context.outputOf(check.check) ?? '')}`;
  }

  #instances(fact: EndpointFact): [Instance | undefined, Instance | undefined] {
    const news = this.#news.get(serviceOf(fact));
    const isIt = ({ id }: Instance): boolean => id === fact.instance;
    return [news?.before.find(isIt), news?.after.find(isIt)];
  }

  #failing({ checks, health }: Instance): string {
    const check = checks.find(({ status }) => status === health);
    if (check === undefined) return health;
    const output = shorten(check.output);
    return `${nameOf(check)} is ${check.status}${output === '' ? '' : `: ${output}`}`;
  }

  #checkOf({ id }: EndpointFact): Extract<Cause, { kind: 'check' }> | undefined {
    return this.#checks.find(({ check }) => check.startsWith(`${id} `));
  }
}

function whatMoved(was: Instance, now: Instance): string {
  if (was.address !== now.address || was.port !== now.port) return 'another address';
  return JSON.stringify(was.tags) === JSON.stringify(now.tags) ? '' : 'other tags';
}
