/** What the planner needs for a change of the catalog: new instances in, the difference out. */

import type { Policy } from '../../router/members.ts';
import type { Instance } from '../../router/model.ts';
import { Planner } from '../../router/planner.ts';
import { parseStaticRule } from '../../router/static.ts';
import type { StaticEntry } from '../../router/static-routes.ts';
import type { Piece } from './clock.ts';
import { instance, numbers } from './samples.ts';

const ROUTES_EACH = 3;
const INSTANCES = 3;

const policy: Policy = {
  dialects: { fairlead: true, fabio: { prefix: 'urlprefix-' } },
  datacenter: 'dc1',
  accepts: (health) => health === 'passing',
  listeners: ['web'],
  ...{ tcpPorts: null, udpPorts: null, takenPorts: new Map(), tlsListeners: [] },
};

interface Catalog {
  readonly name: string;
  readonly services: number;
  readonly routesEach: number;
  /** Routes of the operator's own beside those of the services. */
  readonly statics: number;
}

export function plans(routes: number, count: number): Piece[] {
  const services = Math.ceil(routes / ROUTES_EACH);
  const half = Math.ceil(services / 2);
  return [
    flip({ name: 'one check flips', services, routesEach: ROUTES_EACH, statics: 0 }, count),
    flip(
      {
        name: 'one check flips, half the routes static',
        services: half,
        routesEach: ROUTES_EACH,
        statics: half * ROUTES_EACH,
      },
      count,
    ),
    flip(
      {
        name: 'one check flips, of 1,000 routes each',
        services: Math.ceil(routes / 1000),
        routesEach: 1000,
        statics: 0,
      },
      Math.min(20, count),
    ),
  ];
}

/** One instance of one service goes out or comes back, then of the next: each is a commit of its own. */
function flip(catalog: Catalog, wanted: number): Piece {
  const planner = new Planner(policy, staticEntries(catalog.statics));
  for (let i = 0; i < catalog.services; i++) planner.setService(nameOf(i), instancesOf(catalog, i, true));
  planner.commit();
  const chosen = chooseServices(catalog.services, Math.min(wanted, catalog.services));
  let isPassing = true;
  return {
    name: catalog.name,
    routes: planner.routes.size,
    count: chosen.length,
    expected: chosen.length,
    prepare() {
      isPassing = !isPassing;
      const news = chosen.map((i) => [nameOf(i), instancesOf(catalog, i, isPassing)] as const);
      return () => {
        let pools = 0;
        for (const [name, instances] of news) {
          planner.setService(name, instances);
          pools += planner.commit().pools.set.length;
        }
        return pools;
      };
    },
  };
}

/** The same ones each round, so that every one of them changes every time. */
function chooseServices(services: number, count: number): number[] {
  const next = numbers(services);
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(next.next().value);
  return [...chosen];
}

const nameOf = (i: number): string => `service-${i}`;

function instancesOf({ routesEach }: Catalog, i: number, isPassing: boolean): Instance[] {
  const tags = Array.from({ length: routesEach }, (_, path) => `fairlead:s${i}.bench.test/p${path}`);
  return Array.from({ length: INSTANCES }, (_, number) =>
    instance(nameOf(i), number, tags, number > 0 || isPassing),
  );
}

function staticEntries(count: number): StaticEntry[] {
  return Array.from({ length: count }, (_, i) => {
    const text = `static${i}.bench.test/`;
    const rule = parseStaticRule(text);
    if (!rule.ok) throw new Error(rule.reason);
    return { claim: rule.claim, text, to: [{ address: '192.0.2.1', port: 8080, weight: 1 }], service: null };
  });
}
