import { CHECKS, EXTINCTION, serviceTopic } from '../catalog.ts';
import type { Core } from '../core.ts';
import { ApiError } from '../errors.ts';
import { type ApiRequest, flag } from '../request.ts';
import type { Routes } from '../router.ts';
import type { CheckEntry } from '../shapes.ts';
import { healthView, tagged } from '../views.ts';

/** `/v1/health/…`. */
export function healthRoutes({ catalog }: Core): Routes {
  /** Consul answers lists of checks with the index of the whole table. */
  const checks = (pick: () => readonly CheckEntry[]) => ({
    topics: [CHECKS],
    index: () => catalog.tableIndex(CHECKS),
    answer: pick,
  });
  const allChecks = (): CheckEntry[] => catalog.nodes().flatMap((record) => record.checks());

  return {
    '/v1/health/service/': {
      GET: (request) => {
        const name = named(request);
        const tags = request.query.getAll('tag');
        const passing = flag(request.query, 'passing');
        return {
          topics: [serviceTopic(name), EXTINCTION],
          index: () => catalog.serviceIndex(name),
          answer: () => {
            const instances = tagged(catalog.instances(name), tags).map(healthView);
            return passing ? instances.filter(isPassing) : instances;
          },
        };
      },
    },
    '/v1/health/checks/': {
      GET: (request) => {
        const name = named(request);
        return checks(() =>
          catalog
            .nodes()
            .flatMap((record) => record.checks().filter(({ ServiceName }) => ServiceName === name)),
        );
      },
    },
    '/v1/health/node/': { GET: ({ rest }) => checks(() => catalog.node(rest)?.checks() ?? []) },
    '/v1/health/state/': {
      GET: ({ rest }) => checks(() => allChecks().filter(({ Status }) => rest === 'any' || Status === rest)),
    },
  };
}

const isPassing = ({ Checks }: { Checks: readonly CheckEntry[] }): boolean =>
  Checks.every(({ Status }) => Status === 'passing');

export function named(request: ApiRequest): string {
  if (request.rest === '') throw new ApiError(400, 'Missing service name');
  return request.rest;
}
