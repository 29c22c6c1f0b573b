import type { Candidate } from '../../../router/candidates.ts';
import type { Health, Instance } from '../../../router/model.ts';
import { StreamTable } from '../../../router/stream-table.ts';
import { Table } from '../../../router/table.ts';
import type { Certificate } from '../../../tls/certificate.ts';
import { policy } from '../../../tls/policy.ts';
import { type ClientAuth, Profiles } from '../../../tls/profiles.ts';
import type { Limits } from '../../config/config.ts';
import { type Parsed, refuse } from '../../config/units.ts';
import { Networks } from '../../data/forwarded.ts';
import { REPLIES } from '../../shared/reasons.ts';
import type { CertificateStore } from '../certificates/store.ts';
import type { Guard } from '../guard.ts';
import { type EndpointView, endpointsView, type ViewSources } from '../views.ts';
import { type Excluded, type ExcludedSources, excludedOf, refusedFor } from './excluded.ts';
import { explainHttp } from './http.ts';
import { type Question, readQuestion } from './question.ts';
import { explainPort, explainTls } from './stream.ts';
import type { Surroundings, Verdict } from './verdict.ts';

export interface ExplainerOptions {
  readonly views: ViewSources;
  readonly guard: Pick<Guard, 'heldNews' | 'reason'>;
  readonly certificates: Pick<CertificateStore, 'live' | 'defaultId'>;
  readonly catalog: ReadonlyMap<string, readonly Instance[]>;
  readonly accepts: (health: Health) => boolean;
  readonly trustedProxies: readonly string[];
  readonly clientAuth: () => readonly ClientAuth[];
  readonly limits: Limits;
  /** What changes while the router runs. */
  readonly present: () => Pick<
    Surroundings,
    'isComplete' | 'listeners' | 'openPorts' | 'challenges' | 'redirectPort'
  >;
}

/** Hosts may have thousands of routes; beyond these nobody reads. */
const MAX_CANDIDATES = 500;

export type Explanation = Readonly<Record<string, unknown>>;

/**
 * Says what would become of a request or a connection, and why. It keeps tables of its own, made of the same routes that
 * the workers were sent, when somebody asks for the first time.
 */
export class Explainer {
  readonly #options: ExplainerOptions;
  readonly #trustedProxies: Networks;
  readonly #table = new Table();
  readonly #streams = new StreamTable();
  readonly #profiles: Profiles;
  #certificates: readonly Certificate[] = [];
  #clientAuth: readonly ClientAuth[] = [];
  #version = -1;

  constructor(options: ExplainerOptions) {
    this.#options = options;
    this.#trustedProxies = new Networks(options.trustedProxies);
    this.#profiles = new Profiles([], policy.alpn);
  }

  /** Answers the parameters of `/api/explain`. */
  explain(params: URLSearchParams): Parsed<Explanation> {
    const question = readQuestion(params);
    if (!question.ok) return question;
    const explainScheme = SCHEMES.get(question.value.scheme);
    if (explainScheme === undefined) {
      const known = [...SCHEMES.keys()].map((scheme) => `${scheme}://`).join(', ');
      return refuse(`url begins with ${question.value.scheme}://, which nothing answers; there are ${known}`);
    }
    this.#refresh();
    const { limits, present } = this.#options;
    const verdict = explainScheme(question.value, {
      ...{ table: this.#table, streams: this.#streams, profiles: this.#profiles, limits, ...present() },
      trustedProxies: this.#trustedProxies,
    });
    return verdict.ok ? { ok: true, value: this.#story(verdict.value) } : verdict;
  }

  /** Routes that did not change keep their identity in the planner: only others are set anew. */
  #refresh(): void {
    const { views, certificates, clientAuth } = this.#options;
    if (this.#clientAuth !== clientAuth()) {
      this.#clientAuth = clientAuth();
      this.#profiles.setClientAuth(this.#clientAuth);
    }
    if (this.#certificates !== certificates.live) {
      this.#certificates = certificates.live;
      this.#profiles.update(certificates.live, [], certificates.defaultId, true);
    }
    const { routes } = views.planner;
    if (this.#version === views.version()) return;
    this.#version = views.version();
    for (const table of [this.#table, this.#streams])
      for (const { id } of [...table.routes()]) if (!routes.has(id)) table.drop(id);
    for (const route of routes.values()) {
      const table = route.rule.stream ? this.#streams : this.#table;
      if (table.get(route.id) !== route) table.set(route);
    }
  }

  #story(verdict: Verdict): Explanation {
    const { route } = verdict;
    const served = route === null ? this.#nobody(verdict.topic) : this.#serving(route.id);
    const canServe = served.endpoints.some(({ weight, state }) => weight > 0 && state !== 'draining');
    const { decision, reason, status, why, location, target, request, near } =
      verdict.decision === 'forward' && !canServe ? unserved(verdict) : verdict;
    return {
      ...{ version: this.#version, request, decision, reason, status, why, location, target },
      route: route?.id ?? null,
      options: route?.options ?? null,
      source: route?.source ?? null,
      candidates: this.#withConflicts(verdict.candidates.slice(0, MAX_CANDIDATES)),
      ...(route === null && { near }),
      ...served,
    };
  }

  /** Other services that claim the rule of a candidate and have not got it. */
  #withConflicts(candidates: readonly Candidate[]): Candidate[] {
    const { resolved } = this.#options.views.planner;
    return candidates.flatMap((candidate) => {
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

  /** Without a route: tags that were refused may be what is missed. */
  #nobody(topic: string): Serving {
    const excluded = topic === '' ? [] : refusedFor(topic, this.#excludedSources());
    return { pool: null, endpoints: [], excluded };
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

const SCHEMES: ReadonlyMap<string, (question: Question, around: Surroundings) => Parsed<Verdict>> = new Map([
  ['http', explainHttp],
  ['https', explainHttp],
  ['tcp', explainPort],
  ['udp', explainPort],
  ['tls', explainTls],
]);

/** A known host without anybody to ask. */
function unserved(verdict: Verdict): Verdict {
  const reason = 'no_healthy_instance';
  const why = `${verdict.route!.id} takes it, and no instance can serve it`;
  return { ...verdict, decision: 'refuse', reason, status: REPLIES[reason].status, why, target: null };
}
