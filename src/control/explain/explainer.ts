import { type Candidate, candidatesOf } from '../../../router/candidates.ts';
import type { Health, Instance } from '../../../router/model.ts';
import { nearHosts } from '../../../router/near-misses.ts';
import { Table } from '../../../router/table.ts';
import type { Limits, ListenerConfig } from '../../config/config.ts';
import { type Parsed, refuse } from '../../config/units.ts';
import { Networks } from '../../data/forwarded.ts';
import { REPLIES } from '../../shared/reasons.ts';
import type { Guard } from '../guard.ts';
import { type EndpointView, endpointsView, type ViewSources } from '../views.ts';
import { type Excluded, type ExcludedSources, excludedOf, refusedFor } from './excluded.ts';
import { explainHttp } from './http.ts';
import { type Question, readQuestion } from './question.ts';
import type { Verdict } from './verdict.ts';

export interface ExplainerOptions {
  readonly views: ViewSources;
  readonly guard: Pick<Guard, 'heldNews' | 'reason'>;
  readonly catalog: ReadonlyMap<string, readonly Instance[]>;
  readonly isComplete: () => boolean;
  readonly accepts: (health: Health) => boolean;
  readonly listeners: () => readonly ListenerConfig[];
  readonly limits: Limits;
  readonly trustedProxies: readonly string[];
}

/** Hosts may have thousands of routes; beyond these nobody reads. */
const MAX_CANDIDATES = 500;

export type Explanation = Readonly<Record<string, unknown>>;

/**
 * Says what would become of a request, and why. It keeps a table of its own, made of the same routes that the workers
 * were sent, when somebody asks for the first time.
 */
export class Explainer {
  readonly #options: ExplainerOptions;
  readonly #trustedProxies: Networks;
  readonly #table = new Table();
  #version = -1;

  constructor(options: ExplainerOptions) {
    this.#options = options;
    this.#trustedProxies = new Networks(options.trustedProxies);
  }

  /** Answers the parameters of `/api/explain`. */
  explain(params: URLSearchParams): Parsed<Explanation> {
    const question = readQuestion(params);
    if (!question.ok) return question;
    this.#refresh();
    const verdict = this.#verdict(question.value);
    return verdict.ok ? { ok: true, value: this.#story(verdict.value) } : verdict;
  }

  #verdict(question: Question): Parsed<Verdict> {
    switch (question.scheme) {
      case 'http':
      case 'https':
        return explainHttp(question, this.#httpContext());
      default:
        return refuse(
          `url begins with ${question.scheme}://, which is not explained; http:// and https:// are`,
        );
    }
  }

  #httpContext(): Parameters<typeof explainHttp>[1] {
    const { isComplete, listeners, limits } = this.#options;
    const trustedProxies = this.#trustedProxies;
    return { table: this.#table, isComplete: isComplete(), listeners: listeners(), limits, trustedProxies };
  }

  /** Routes that did not change keep their identity in the planner: only others are set anew. */
  #refresh(): void {
    const { planner, version } = this.#options.views;
    if (this.#version === version()) return;
    this.#version = version();
    for (const { id } of [...this.#table.routes()]) if (!planner.routes.has(id)) this.#table.drop(id);
    for (const route of planner.routes.values())
      if (this.#table.get(route.id) !== route) this.#table.set(route);
  }

  #story(verdict: Verdict): Explanation {
    const { route, asked } = verdict;
    const served = route === null ? NOBODY : this.#serving(route.id);
    const isUnserved =
      verdict.decision === 'forward' &&
      !served.endpoints.some(({ weight, state }) => weight > 0 && state !== 'draining');
    const { decision, reason, status, why, location, target, request } = isUnserved
      ? unserved(verdict)
      : verdict;
    return {
      ...{ version: this.#version, request, decision, reason, status, why, location, target },
      route: route?.id ?? null,
      options: route?.options ?? null,
      source: route?.source ?? null,
      candidates: asked === null ? [] : this.#candidates(asked),
      ...(route === null && asked !== null && { near: this.#near(asked.host) }),
      ...served,
      ...(route === null && asked !== null && { excluded: refusedFor(asked.host, this.#excludedSources()) }),
    };
  }

  #candidates(asked: NonNullable<Verdict['asked']>): Candidate[] {
    const { resolved } = this.#options.views.planner;
    const found = candidatesOf(this.#table, asked).slice(0, MAX_CANDIDATES);
    return found.flatMap((candidate) => {
      const { conflicts = [], services = [] } = resolved.get(candidate.route) ?? {};
      const lost = conflicts.filter(({ service }) => !services.includes(service));
      const others = new Map(lost.map(({ service, reason }) => [service, reason]));
      return [
        candidate,
        ...[...others].map(([service, reason]) => ({
          ...{ route: candidate.route, matched: false, takes: candidate.takes },
          why: `${service} claims the same rule: ${reason}`,
        })),
      ];
    });
  }

  #near(host: string): string[] {
    const hosts = function* (table: Table): Iterable<string> {
      for (const { rule } of table.routes()) yield rule.host;
    };
    return nearHosts(host, hosts(this.#table));
  }

  #serving(id: string): Serving {
    const { views } = this.#options;
    const resolved = views.planner.resolved.get(id)!;
    const pool = views.planner.pools.get(views.planner.routes.get(id)!.pool ?? '') ?? null;
    const endpoints = pool === null ? [] : endpointsView(pool, views, new Set(views.slots.departing()));
    return {
      pool: pool?.name ?? null,
      endpoints: endpoints.map((endpoint) => this.#withHeld(endpoint, resolved.services)),
      excluded: excludedOf(resolved, pool, this.#excludedSources()),
    };
  }

  /** An instance that Consul has given up already may serve all the same, while the loss is held. */
  #withHeld(endpoint: EndpointView, services: readonly string[]): EndpointView & { held?: string } {
    const { guard, accepts } = this.#options;
    for (const service of services) {
      const news = guard.heldNews(service);
      if (news === null || endpoint.source === null) continue;
      const now = news.find(({ id }) => id === endpoint.source);
      if (now !== undefined && accepts(now.health)) continue;
      const said = now === undefined ? 'gone' : now.health;
      return { ...endpoint, held: `Consul says ${said}: ${guard.reason ?? 'the loss is held'}` };
    }
    return endpoint;
  }

  #excludedSources(): ExcludedSources {
    const { catalog, accepts, views } = this.#options;
    const standing: ExcludedSources['standing'] = (check) => views.checker.standing(check);
    return { catalog, accepts, refusals: views.refusals(), standing };
  }
}

interface Serving {
  readonly pool: string | null;
  readonly endpoints: readonly (EndpointView & { held?: string })[];
  readonly excluded: readonly Excluded[];
}

const NOBODY: Serving = { pool: null, endpoints: [], excluded: [] };

/** A known host without anybody to ask. */
function unserved(verdict: Verdict): Verdict {
  const reason = 'no_healthy_instance';
  const why = `${verdict.route!.id} takes it, and no instance can serve it`;
  return { ...verdict, decision: 'refuse', reason, status: REPLIES[reason].status, why, target: null };
}
