/** An explainer over a planner that a test fills. */
import { beforeEach } from 'vitest';
import type { Health, Instance } from '../../../../router/model.ts';
import { Planner } from '../../../../router/planner.ts';
import type { ListenerConfig } from '../../../../src/config/config.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import type { Standing } from '../../../../src/control/checks/checker.ts';
import { EndpointSlots } from '../../../../src/control/endpoint-slots.ts';
import { Explainer } from '../../../../src/control/explain/explainer.ts';
import { PoolSlots } from '../../../../src/control/pool-slots.ts';
import { createCountersLayout, EndpointCounters } from '../../../../src/shared/counters.ts';
import { createQueuesLayout, QueueCounters } from '../../../../src/shared/queue-counters.ts';
import type { Certificate } from '../../../../tls/certificate.ts';
import type { ClientAuth } from '../../../../tls/profiles.ts';
import { instance } from '../facts.ts';

export interface Story {
  readonly decision: string;
  readonly reason: string | null;
  readonly status: number | null;
  readonly why: string;
  readonly location: string | null;
  readonly target: string | null;
  readonly route: string | null;
  readonly request: Record<string, string>;
  readonly candidates: { route: string; matched: boolean; why: string }[];
  readonly near?: string[];
  readonly pool: string | null;
  readonly endpoints: { source: string; weight: number; held?: string }[];
  readonly excluded: { instance: string; check: string | null; status: string; output: string }[];
}

export interface Stage {
  planner: Planner;
  readonly catalog: Map<string, readonly Instance[]>;
  readonly standings: Map<string, Standing>;
  readonly held: Map<string, readonly Instance[]>;
  listeners: ListenerConfig[];
  certificates: Certificate[];
  clientAuth: ClientAuth[];
  isComplete: boolean;
  openPorts: { tcp: number[]; udp: number[] };
  challenges: Map<string, string>;
  version: number;
}

export const web: ListenerConfig = {
  name: 'web',
  address: { host: '', port: 80 },
  protocol: 'http',
  proxyProtocol: false,
  http2: true,
};

const PORTS = { from: 15_000, to: 15_999 };
const accepts = (health: Health): boolean => health === 'passing' || health === 'warning';

/** As set up before each test. */
export let stage: Stage;
let explainer: Explainer | null;

beforeEach(() => {
  const planner = new Planner({
    ...{ dialects: { fairlead: true, fabio: { prefix: 'urlprefix-' } }, datacenter: '', accepts },
    ...{ listeners: ['web', 'internal', 'secure'], tlsListeners: ['secure'] },
    ...{ tcpPorts: PORTS, udpPorts: PORTS, takenPorts: new Map() },
  });
  stage = {
    ...{ planner, catalog: new Map(), standings: new Map(), held: new Map() },
    ...{ listeners: [web], certificates: [], clientAuth: [] },
    ...{
      isComplete: true,
      openPorts: { tcp: [15_000, 15_001], udp: [15_000] },
      challenges: new Map(),
      version: 0,
    },
  };
  explainer = null;
});

function create(): Explainer {
  const loaded = loadConfig({ flags: {}, env: {}, cwd: '/' });
  if (!loaded.ok) throw new Error('the defaults are not valid');
  const { planner, catalog, certificates, clientAuth } = stage;
  return new Explainer({
    views: {
      planner,
      slots: new EndpointSlots(100, 1, () => {}),
      poolSlots: new PoolSlots(new QueueCounters(createQueuesLayout(1))),
      counters: new EndpointCounters(createCountersLayout(1)),
      version: () => stage.version,
      refusals: () => planner.refused(),
      checker: { standing: (id) => stage.standings.get(id) },
    },
    guard: { heldNews: (service) => stage.held.get(service) ?? null, reason: 'it forgot' },
    ...{
      catalog,
      accepts,
      clientAuth: () => clientAuth,
      certificates: { live: certificates, defaultId: null },
    },
    present: () => {
      const { isComplete, listeners, openPorts, challenges } = stage;
      return { isComplete, listeners, openPorts, challenges, redirectPort: 8443 };
    },
    limits: loaded.config.limits,
    trustedProxies: ['10.9.0.0/16'],
  });
}

export function register(service: string, ...instances: readonly Instance[]): void {
  stage.catalog.set(service, instances);
  stage.planner.setService(service, instances);
  commit();
}

export function commit(): void {
  stage.planner.commit();
  stage.version++;
}

/** One instance with these tags. */
export function tagged(...tags: string[]): void {
  register('a', instance('a', 1, { tags }));
}

/** Throws with the reason where the question is refused. */
export function ask(url: string, more: Record<string, string> = {}): Story {
  explainer ??= create();
  const result = explainer.explain(new URLSearchParams({ url, ...more }));
  if (!result.ok) throw new Error(result.reason);
  return result.value as unknown as Story;
}
