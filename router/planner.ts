import type { FabioCommand } from './fabio-commands.ts';
import { addedKeys, overlay } from './fabio-overlay.ts';
import { keyOf, type Member, type Policy, type Reading, readService } from './members.ts';
import type { Delta, Instance, Pool, Refusal, Route } from './model.ts';
import { poolsOf } from './pool-names.ts';
import { type Resolved, resolve } from './resolve.ts';
import { type StaticEntry, staticMembers } from './static-routes.ts';
import { compareText } from './table.ts';

/**
 * Turns what the providers say into routes and pools, and says what changed. Only what a change touches is worked out
 * again, so the cost of one check flip does not depend on how many services there are; what comes out equal keeps its
 * identity.
 */
export class Planner {
  readonly #policy: Policy;
  #statics: readonly StaticEntry[] = [];
  readonly #readings = new Map<string, Reading>();
  /** Claims by rule, then by service: one service's news replaces only its own. */
  readonly #claims = new Map<string, Map<string, readonly Member[]>>();
  #commands: readonly FabioCommand[] = [];
  #lineRefusals: readonly Refusal[] = [];
  readonly #resolved = new Map<string, Resolved>();
  /** Rules that a service serves at present. */
  readonly #serving = new Map<string, Set<string>>();
  readonly #routes = new Map<string, Route>();
  readonly #pools = new Map<string, Pool>();
  readonly #poolsOfService = new Map<string, ReadonlySet<string>>();
  #dirty = new Set<string>();

  constructor(policy: Policy, statics: readonly StaticEntry[] = []) {
    this.#policy = policy;
    this.setStatics(statics);
  }

  /** The operator's own routes. Returns the services they name, before and now: their instances must be set again. */
  setStatics(statics: readonly StaticEntry[]): Set<string> {
    const services = new Set<string>();
    for (const entry of this.#statics) {
      this.#setClaims(keyOf(entry.claim.rule), entry.service ?? '', null);
      if (entry.service !== null) services.add(entry.service);
    }
    this.#statics = statics;
    for (const entry of statics) {
      const members = staticMembers(entry, [], this.#policy, false);
      this.#setClaims(keyOf(entry.claim.rule), entry.service ?? '', members);
      if (entry.service !== null) services.add(entry.service);
    }
    return services;
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

  /** Everything set aside: tags and lines that do not parse. */
  refused(): Refusal[] {
    return [...[...this.#readings.values()].flatMap((reading) => reading.refused), ...this.#lineRefusals];
  }

  /** Claims that were overruled by another claim of the same rule. */
  conflicts(): Refusal[] {
    return [...this.#resolved.values()].flatMap((resolved) => resolved.conflicts);
  }

  /** The instances of a service are now these. `isGone` keeps its routes, answering 503, without instances. */
  setService(service: string, instances: readonly Instance[], isGone = false): void {
    const reading = readService(service, instances, this.#policy, isGone);
    const members = new Map(reading.members);
    for (const entry of this.#statics) {
      if (entry.service !== service) continue;
      const claims = staticMembers(entry, instances, this.#policy, isGone);
      members.set(keyOf(entry.claim.rule), claims);
    }
    const before = this.#readings.get(service);
    for (const key of before?.members.keys() ?? [])
      if (!members.has(key)) this.#setClaims(key, service, null);
    for (const [key, claims] of members) this.#setClaims(key, service, claims);
    if (instances.length === 0) this.#readings.delete(service);
    else this.#readings.set(service, { ...reading, members });
  }

  /** Fabio's KV commands, all of them. */
  setCommands(commands: readonly FabioCommand[], refused: readonly Refusal[]): void {
    const touched = [...addedKeys(this.#commands), ...addedKeys(commands)];
    this.#commands = commands;
    this.#lineRefusals = refused;
    for (const [key, resolved] of this.#resolved) {
      if (resolved.members.some((member) => member.dialect === 'fabio')) this.#dirty.add(key);
    }
    for (const [key, claims] of this.#claims) {
      if ([...claims.values()].some((members) => members[0]?.dialect === 'fabio')) this.#dirty.add(key);
    }
    for (const key of touched) this.#dirty.add(key);
  }

  /** Works out what is dirty and returns the difference to what was returned before. */
  commit(): Delta {
    const services = new Set<string>();
    const dropped: string[] = [];
    for (const key of this.#dirty) {
      const before = this.#resolved.get(key);
      const claims = [...(this.#claims.get(key)?.values() ?? [])].flat();
      const now = resolve(key, this.#commands.length > 0 ? overlay(key, claims, this.#commands) : claims);
      for (const service of before?.services ?? []) {
        services.add(service);
        this.#serving.get(service)?.delete(key);
      }
      if (now === null) {
        if (this.#resolved.delete(key)) dropped.push(key);
        continue;
      }
      this.#resolved.set(key, now);
      for (const service of now.services) {
        services.add(service);
        let keys = this.#serving.get(service);
        if (!keys) {
          keys = new Set();
          this.#serving.set(service, keys);
        }
        keys.add(key);
      }
    }
    this.#dirty = new Set();
    return this.#difference(services, dropped);
  }

  #difference(services: ReadonlySet<string>, dropped: readonly string[]): Delta {
    const routes: Route[] = [];
    const pools: Pool[] = [];
    const goneRoutes = dropped.filter((id) => this.#routes.delete(id));
    const gonePools: string[] = [];
    for (const service of services) {
      const keys = [...(this.#serving.get(service) ?? [])].sort(compareText);
      if (keys.length === 0) this.#serving.delete(service);
      const claiming = this.#readings.get(service)?.claiming ?? new Set<string>();
      const assigned = poolsOf(
        service,
        keys.map((key) => this.#resolved.get(key)!),
        claiming,
      );
      const names = new Set(assigned.pools.map((pool) => pool.name));
      for (const name of this.#poolsOfService.get(service) ?? []) {
        if (!names.has(name) && this.#pools.delete(name)) gonePools.push(name);
      }
      if (names.size > 0) this.#poolsOfService.set(service, names);
      else this.#poolsOfService.delete(service);
      for (const pool of assigned.pools) if (replaceIfChanged(this.#pools, pool.name, pool)) pools.push(pool);
      for (const route of assigned.routes)
        if (replaceIfChanged(this.#routes, route.id, route)) routes.push(route);
    }
    // A pool of one service may have become another's in the same step.
    const drop = gonePools.filter((name) => !this.#pools.has(name));
    return { routes: { set: routes, drop: goneRoutes }, pools: { set: pools, drop } };
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
function replaceIfChanged<T>(map: Map<string, T>, name: string, value: T): boolean {
  const before = map.get(name);
  if (before !== undefined && JSON.stringify(before) === JSON.stringify(value)) return false;
  map.set(name, value);
  return true;
}
