import { compareText } from './host-routes.ts';
import { authorityOf, endpointIdOf, type Member } from './members.ts';
import type { EndpointTls, UpstreamProtocol } from './model.ts';
import { hostSent, tlsOf } from './upstream-tls.ts';

/** A question the router asks an endpoint again and again, because nobody else does. */
export interface ActiveCheck {
  /** Endpoint, path and interval: routes that agree in these share one check. */
  readonly id: string;
  readonly endpoint: string;
  readonly service: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: UpstreamProtocol;
  /** Null without TLS. */
  readonly tls: EndpointTls | null;
  readonly path: string;
  readonly intervalMs: number;
  /** The `Host` to ask for. */
  readonly host: string;
}

/** Who says whether an endpoint is well, where its tag has `check=`. */
export interface EndpointCheck {
  readonly endpoint: string;
  readonly instance: string;
  /** Null where Consul has a check of the instance, and decides. */
  readonly check: ActiveCheck | null;
}

/** What to begin asking or to ask differently, and what to stop asking. */
export interface CheckChanges {
  readonly set: readonly ActiveCheck[];
  readonly drop: readonly string[];
}

/** The check that a member's tag asks for; null when it asks for none. */
export function checkOf(member: Member): EndpointCheck | null {
  const option = member.claim.pool.check;
  if (option === undefined) return null;
  const endpoint = endpointIdOf(member);
  const { service, instance, address, port } = member;
  if (member.hasConsulCheck) return { endpoint, instance, check: null };
  const { path, intervalMs } = option;
  const id = `${endpoint} ${path} ${intervalMs}`;
  const host = hostFor(member);
  const tls = tlsOf(member);
  const { protocol } = member.claim.pool;
  const check = { id, endpoint, service, address, port, protocol, tls, path, intervalMs, host };
  return { endpoint, instance, check };
}

/** The `Host` that a request of this route would carry; the address where the rule leaves it open. */
function hostFor({ address, port, claim: { rule, options } }: Member): string {
  return hostSent(rule.host, options.host) ?? authorityOf(address, port);
}

/** Which checks the routes need together, and which of them fail. A check that no route needs any more is forgotten. */
export class ActiveChecks {
  /** By check, then by the route that needs it. */
  readonly #users = new Map<string, Map<string, ActiveCheck>>();
  readonly #down = new Set<string>();
  /** As last told. */
  readonly #told = new Map<string, ActiveCheck>();
  readonly #touched = new Set<string>();

  /** A route needs these checks now, and no others. */
  setRoute(route: string, before: readonly EndpointCheck[], now: readonly EndpointCheck[]): void {
    for (const { check } of before) {
      if (check === null) continue;
      this.#users.get(check.id)?.delete(route);
      this.#touched.add(check.id);
    }
    for (const { check } of now) {
      if (check === null) continue;
      const users = this.#users.get(check.id) ?? new Map<string, ActiveCheck>();
      this.#users.set(check.id, users.set(route, check));
      this.#touched.add(check.id);
    }
  }

  isDown(id: string): boolean {
    return this.#down.has(id);
  }

  /** The verdict on a check; returns the routes it matters to. */
  setDown(id: string, isDown: boolean): Iterable<string> {
    const users = this.#users.get(id);
    if (users === undefined) return [];
    if (isDown) this.#down.add(id);
    else this.#down.delete(id);
    return users.keys();
  }

  /** What is different since the last call. */
  takeChanges(): CheckChanges {
    const set: ActiveCheck[] = [];
    const drop: string[] = [];
    for (const id of this.#touched) {
      const users = this.#users.get(id)!;
      const told = this.#told.get(id);
      if (users.size === 0) {
        this.#users.delete(id);
        this.#down.delete(id);
        if (this.#told.delete(id)) drop.push(id);
        continue;
      }
      // Routes may differ in the host: the first of them by name says which.
      const first = [...users.keys()].reduce((a, b) => (compareText(a, b) < 0 ? a : b));
      const check = users.get(first)!;
      if (told?.host === check.host) continue;
      this.#told.set(id, check);
      set.push(check);
    }
    this.#touched.clear();
    return { set, drop };
  }
}
