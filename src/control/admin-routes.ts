import { EndpointCounters } from '../shared/counters.ts';
import { type AdminAnswer, type AdminHandler, metricsAnswer, textAnswer } from './admin.ts';
import { addCertificateFamilies, certificatesView } from './certificates/view.ts';
import { Explainer } from './explain/explainer.ts';
import { EventStreams } from './history/events.ts';
import type { History } from './history/history.ts';
import { parseSince } from './history/since.ts';
import { Metrics } from './metrics.ts';
import { routingPolicy } from './policy.ts';
import type { Router } from './router.ts';
import { sharedFamilies } from './shared-families.ts';
import { poolsView, routesView, snapshotView, type ViewSources } from './views.ts';

/** What the admin listener answers, by path. */
export function adminRoutes(router: Router): ReadonlyMap<string, AdminHandler> {
  const sources: ViewSources = {
    planner: router.planner,
    slots: router.endpointSlots,
    poolSlots: router.poolSlots,
    counters: new EndpointCounters(router.counters),
    version: () => router.publisher.version,
    checker: router.checker,
    refusals: () => router.refusals(),
  };
  const metrics = createMetrics(router);
  const explainer = createExplainer(router, sources);
  const events = new EventStreams({
    history: router.history,
    version: sources.version,
    snapshot: (isFull) => snapshotView(sources, isFull),
    signal: router.stopping,
  });
  return new Map<string, AdminHandler>([
    ['/health', () => textAnswer(200, 'OK')],
    ['/ready', (url) => ready(router, url.searchParams.has('verbose'))],
    ['/metrics', () => metricsAnswer(metrics)],
    ['/api/routes', () => ({ status: 200, body: routesView(sources) })],
    ['/api/pools', () => ({ status: 200, body: poolsView(sources) })],
    ['/api/explain', ({ searchParams }) => explained(explainer.explain(searchParams))],
    ['/api/history', ({ searchParams }) => historyOf(router.history, searchParams.get('since'))],
    ['/api/events', (url, headers) => events.answer(url, headers)],
    ['/api/certificates', () => ({ status: 200, body: certificatesView(router.tls) })],
    ['/api/configuration', () => ({ status: 200, body: router.reloads.view() })],
    ['/api/consul', () => ({ status: 200, body: { ...router.provider.state(), held: router.guard.reason } })],
  ]);
}

function createExplainer(router: Router, views: ViewSources): Explainer {
  const { guard, tls, publisher, routePorts, config } = router;
  return new Explainer({
    ...{ views, guard, certificates: tls.certificates, catalog: publisher.catalog },
    accepts: routingPolicy(config).accepts,
    trustedProxies: config.trustedProxies,
    clientAuth: () => tls.clientAuth,
    limits: config.limits,
    present: () => ({
      isComplete: publisher.isComplete,
      listeners: router.config.listeners,
      openPorts: { tcp: routePorts.tcp.open(), udp: routePorts.udp.open() },
      challenges: new Map(tls.acme?.challenges().tokens.map((each) => [each.token, each.keyAuthorization])),
      redirectPort: tls.workerTls(router.config.listeners).redirectPort,
    }),
  });
}

function explained(result: ReturnType<Explainer['explain']>): AdminAnswer {
  return result.ok ? { status: 200, body: result.value } : { status: 400, body: { error: result.reason } };
}

function historyOf(history: History, text: string | null): AdminAnswer {
  const since = parseSince(text, Date.now());
  if (!since.ok) return { status: 400, body: { error: since.reason } };
  const body = `[${history.since(since.value).join(',\n')}]\n`;
  return { status: 200, body, contentType: 'application/json' };
}

function ready(router: Router, isVerbose: boolean): ReturnType<AdminHandler> {
  const status = router.isReady ? 200 : 503;
  if (!isVerbose) return textAnswer(status, status === 200 ? 'ready' : 'not ready');
  const reasons = [
    ...(router.publisher.isComplete ? [] : ['no complete catalog yet']),
    ...(router.isDraining ? ['draining'] : []),
    ...(router.workersAlive === router.config.workers ? [] : ['a worker is being started']),
  ];
  const { ageMs, state } = router.provider.state();
  return {
    status,
    body: {
      ready: status === 200,
      reasons,
      catalogAgeMs: ageMs,
      consul: state,
      held: router.guard.reason,
      version: router.publisher.version,
    },
  };
}

function downEndpoints({ planner, checker }: Router): Iterable<{ id: string; service: string }> {
  const inPools = new Set(
    [...planner.pools.values()].flatMap(({ endpoints }) => endpoints.map(({ id }) => id)),
  );
  const down = new Map<string, { id: string; service: string }>();
  for (const { endpoint: id, service } of checker.failing())
    if (!inPools.has(id)) down.set(id, { id, service });
  return down.values();
}

function createMetrics(router: Router): Metrics {
  const routeOfSlot = (slot: number): { id: string; service: string } | null => {
    const id = router.publisher.routeOfSlot(slot);
    const route = id === undefined ? undefined : router.planner.routes.get(id);
    return route ? { id: route.id, service: route.service } : null;
  };
  const metrics = new Metrics(
    sharedFamilies(router.counters, {
      listener: (index) => router.config.listeners[index]?.name ?? String(index),
      route: routeOfSlot,
      mainDelaySeconds: () => router.loopDelay.seconds,
      *queues() {
        for (const { name, service, maxconn } of router.planner.pools.values()) {
          if (maxconn !== null) yield { pool: name, service, ...router.poolSlots.read(name) };
        }
      },
      *endpoints() {
        const seen = new Set<string>();
        for (const { service, endpoints } of router.planner.pools.values()) {
          for (const { id } of endpoints) {
            const slot = router.endpointSlots.get(id);
            if (slot === undefined || seen.has(id)) continue;
            seen.add(id);
            yield { id, service, slot };
          }
        }
      },
      downEndpoints: () => downEndpoints(router),
    }),
  );
  const gauge = (name: string, help: string, value: () => number): void =>
    metrics.add({ name, help, type: 'gauge', read: () => [{ value: value(), labels: {} }] });
  gauge('table_version', 'Version of the published table', () => router.publisher.version);
  gauge('refused_tags', 'Tags and lines set aside', () => router.refusals().length);
  gauge(
    'endpoints',
    'Endpoints in use or still draining; there is room for 65536',
    () => router.endpointSlots.size,
  );
  gauge('workers', 'Workers alive', () => router.workersAlive);
  gauge('catalog_age_seconds', 'Since the last successful answer of Consul', () => {
    const { ageMs } = router.provider.state();
    return (ageMs ?? performance.now() - router.startedAt) / 1000;
  });
  gauge('catalog_held_services', 'Services whose losses are held', () => router.guard.heldServices);
  addCertificateFamilies(metrics, router.tls);
  metrics.add({
    name: 'consul_errors_total',
    help: 'Failed reads of Consul',
    type: 'counter',
    read: () => router.consulErrors.samples('kind'),
  });
  metrics.add({
    name: 'checks_total',
    help: "The router's own checks of instances, by result",
    type: 'counter',
    read: () => router.checker.results.samples('result'),
  });
  metrics.add({
    name: 'convergence_seconds',
    help: 'From a catalog answer until it is live in every worker',
    type: 'histogram',
    read: () => router.convergence.seconds.samples(),
  });
  metrics.add({
    name: 'access_log_dropped_total',
    help: 'Access-log lines dropped because the reader was too slow',
    type: 'counter',
    read: () => [{ value: router.accessLog.dropped, labels: {} }],
  });
  return metrics;
}
