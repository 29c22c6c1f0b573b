import { ActiveChecks, type CheckChanges } from './active-checks.ts';
import type { FabioCommand } from './fabio-commands.ts';
import { type KeyedCommand, keyed, overlay } from './fabio-overlay.ts';
import { compareText } from './host-routes.ts';
import { keyOf, type Member, type Policy, type Reading, readService, whyUnserved } from './members.ts';
import type { Delta, Instance, Pool, Refusal, Route } from './model.ts';
import { poolsOf } from './pool-names.ts';
import { portConflicts, type Resolved, resolve } from './resolve.ts';
import { type StaticEntry, staticMembers } from './static-routes.ts';

interface Service {
  readonly instances: readonly Instance[];
  readonly isGone: boolean;
  readonly reading: Reading;
}

/** What stood where a commit set or dropped something. */
export interface Replaced {
  readonly routes: ReadonlyMap<string, Route>;
  readonly pools: ReadonlyMap<string, Pool>;
}

const NOBODY: ReadonlySet<string> = new Set();
const NO_SERVICE = { instances: [], isGone: false };
/** Whose claims the static routes are; no service is called so. */
const FILE = '';

/**
 * Turns what the providers say into routes and pools, and says what changed. Only what a change touches is worked out
 * again, so the cost of one check flip does not depend on how many services there are; what comes out equal keeps its
 * identity.
 */
export class Planner {
  readonly #policy: Policy;
  #statics: readonly StaticEntry[] = [];
  /** By the service they name; a flip must not look at all of them. */
  #staticsOf: ReadonlyMap<string | null, readonly StaticEntry[]> = new Map();
  #staticRefusals: readonly Refusal[] = [];
  readonly #services = new Map<string, Service>();
  /** Claims by rule, then by who makes them, a service or `FILE`: one service's news replaces only its own. */
  readonly #claims = new Map<string, Map<string, readonly Member[]>>();
  #commands: readonly KeyedCommand[] = [];
  #lineRefusals: readonly Refusal[] = [];
  readonly #resolved = new Map<string, Resolved>();
  /** Rules that a service serves at present. */
  readonly #serving = new Map<string, Set<string>>();
  readonly #routes = new Map<string, Route>();
  readonly #pools = new Map<string, Pool>();
  readonly #poolsOfService = new Map<string, ReadonlySet<string>>();
  readonly #checks = new ActiveChecks();
  #replaced = { routes: new Map<string, Route>(), pools: new Map<string, Pool>() };
  #dirty = new Set<string>();
  #dirtyServices = new Set<string>();

  constructor(policy: Policy, statics: readonly StaticEntry[] = []) {
    this.#policy = policy;
    this.setStatics(statics);
  }

  /** The operator's own routes, all of them. */
  setStatics(statics: readonly StaticEntry[]): void {
    for (const entry of this.#statics) this.#setClaims(keyOf(entry.claim.rule), FILE, null);
    const byKey = new Map<string, StaticEntry>();
    const refused: Refusal[] = [];
    for (const entry of statics) {
      const key = keyOf(entry.claim.rule);
      const reason = 'another static route has the same rule and comes first';
      if (!byKey.has(key)) byKey.set(key, entry);
      else
        refused.push({
          provider: 'file',
          service: entry.service ?? '',
          instance: '',
          text: entry.text,
          reason,
        });
    }
    this.#statics = [...byKey.values()];
    this.#staticsOf = Map.groupBy(this.#statics, (entry) => entry.service);
    this.#staticRefusals = refused;
    for (const entry of this.#statics) this.#setStatic(entry);
  }

  #setStatic(entry: StaticEntry): void {
    const { instances, isGone } = this.#services.get(entry.service ?? '') ?? NO_SERVICE;
    const members = staticMembers(entry, instances, this.#policy, isGone);
    this.#setClaims(keyOf(entry.claim.rule), FILE, members);
  }

  get routes(): ReadonlyMap<string, Route> {
    return this.#routes;
  }

  get pools(): ReadonlyMap<string, Pool> {
    return this.#pools;
  }

  /** Rules as decided, with losers and every member: what `explain` is made of. */
  get resolved(): ReadonlyMap<string, Resolved> {
    return this.#resolved;
  }

  /** Everything set aside: tags and lines that do not parse or cannot be served. */
  refused(): Refusal[] {
    const services = [...this.#services.values()];
    return [
      ...this.#staticRefusals,
      ...services.flatMap(({ reading }) => reading.refused),
      ...this.#lineRefusals,
    ];
  }

  /** Claims that were overruled by another claim of the same rule. */
  conflicts(): Refusal[] {
    const resolved = [...this.#resolved.values()];
    return [...resolved.flatMap(({ conflicts }) => conflicts), ...portConflicts(resolved)];
  }

  /**
   * The instances of a service are now these. `isGone` keeps its routes, answering 503, without instances; no instances
   * at all forget it.
   */
  setService(service: string, instances: readonly Instance[], isGone = false): void {
    const before = this.#services.get(service);
    const reading = readService(service, instances, this.#policy, isGone);
    for (const key of before?.reading.members.keys() ?? []) {
      if (!reading.members.has(key)) this.#setClaims(key, service, null);
    }
    for (const [key, claims] of reading.members) this.#setClaims(key, service, claims);
    if (instances.length === 0) this.#services.delete(service);
    else this.#services.set(service, { instances, isGone, reading });
    this.#dirtyServices.add(service);
    for (const entry of this.#staticsOf.get(service) ?? []) this.#setStatic(entry);
  }

  /** Fabio's KV commands, all of them. */
  setCommands(commands: readonly FabioCommand[], refused: readonly Refusal[]): void {
    const before = this.#commands;
    const unserved: Refusal[] = [];
    this.#commands = commands.flatMap((command) => {
      const reason = command.kind === 'add' ? whyUnserved(command.claim, this.#policy) : null;
      if (reason === null) return keyed(command);
      const { key, line, text } = command.source;
      unserved.push({ provider: 'kv', service: '', instance: `${key}:${line}`, text, reason });
      return [];
    });
    this.#lineRefusals = [...refused, ...unserved];
    for (const { keys } of [...before, ...this.#commands]) for (const key of keys ?? []) this.#dirty.add(key);
    for (const [key, claims] of this.#claims) {
      if ([...claims.values()].some(([member]) => member?.dialect === 'fabio')) this.#dirty.add(key);
    }
  }

  /** What an active check says of its endpoint now. */
  setDown(check: string, isDown: boolean): void {
    for (const key of this.#checks.setDown(check, isDown)) this.#dirty.add(key);
  }

  /** Checks to begin and to stop since the last call, as of the last commit. */
  takeCheckChanges(): CheckChanges {
    return this.#checks.takeChanges();
  }

  /** Of the latest commit. */
  get replaced(): Replaced {
    return this.#replaced;
  }

  /** Works out what is dirty and returns the difference to what was returned before. */
  commit(): Delta {
    const services = this.#dirtyServices;
    const dropped: string[] = [];
    for (const key of this.#dirty) {
      const claims = [...(this.#claims.get(key)?.values() ?? [])].flat();
      const now = resolve(key, overlay(key, claims, this.#commands), (id) => this.#checks.isDown(id));
      const before = this.#resolved.get(key);
      this.#checks.setRoute(key, before?.checks ?? [], now?.checks ?? []);
      for (const service of before?.services ?? []) {
        services.add(service);
        this.#serving.get(service)?.delete(key);
      }
      for (const service of now?.services ?? []) {
        services.add(service);
        const keys = this.#serving.get(service) ?? new Set();
        this.#serving.set(service, keys.add(key));
      }
      if (now !== null) this.#resolved.set(key, now);
      else if (this.#resolved.delete(key)) dropped.push(key);
    }
    this.#dirty = new Set();
    this.#dirtyServices = new Set();
    return this.#difference([...services].sort(compareText), dropped);
  }

  #difference(services: readonly string[], dropped: readonly string[]): Delta {
    const routes: Route[] = [];
    const pools: Pool[] = [];
    const gonePools = new Set<string>();
    for (const service of services) {
      const assigned = this.#assign(service);
      const names = new Set(assigned.pools.map((pool) => pool.name));
      for (const name of this.#poolsOfService.get(service) ?? []) if (!names.has(name)) gonePools.add(name);
      if (names.size > 0) this.#poolsOfService.set(service, names);
      else this.#poolsOfService.delete(service);
      pools.push(...assigned.pools);
      routes.push(...assigned.routes);
    }
    // A pool of one service may have become another's in the same step.
    for (const { name } of pools) gonePools.delete(name);
    const old = { routes: new Map<string, Route>(), pools: new Map<string, Pool>() };
    this.#replaced = old;
    return {
      routes: {
        set: routes.filter((route) => replaceIfChanged(this.#routes, route.id, route, old.routes)),
        drop: dropped.filter((id) => drop(this.#routes, id, old.routes)),
      },
      pools: {
        set: pools.filter((pool) => replaceIfChanged(this.#pools, pool.name, pool, old.pools)),
        drop: [...gonePools].filter((name) => drop(this.#pools, name, old.pools)),
      },
    };
  }

  #assign(service: string): ReturnType<typeof poolsOf> {
    const keys = [...(this.#serving.get(service) ?? [])].sort(compareText);
    if (keys.length === 0) this.#serving.delete(service);
    const claiming = this.#services.get(service)?.reading.claiming ?? NOBODY;
    return poolsOf(
      service,
      keys.map((key) => this.#resolved.get(key)!),
      claiming,
    );
  }

  #setClaims(key: string, service: string, members: readonly Member[] | null): void {
    let claims = this.#claims.get(key);
    if (!claims) {
      claims = new Map();
      this.#claims.set(key, claims);
    }
    if (members === null || members.length === 0) claims.delete(service);
    else claims.set(service, members);
    if (claims.size === 0) this.#claims.delete(key);
    this.#dirty.add(key);
  }
}

/** Sets the entry unless an equal one stands there. True when it was set. */
function replaceIfChanged<T>(map: Map<string, T>, name: string, value: T, old: Map<string, T>): boolean {
  const before = map.get(name);
  if (before !== undefined) {
    if (JSON.stringify(before) === JSON.stringify(value)) return false;
    old.set(name, before);
  }
  map.set(name, value);
  return true;
}

/** True when there was one. */
function drop<T>(map: Map<string, T>, name: string, old: Map<string, T>): boolean {
  const before = map.get(name);
  if (before === undefined) return false;
  old.set(name, before);
  return map.delete(name);
}
