import { json, text } from '../answer.ts';
import type { Core } from '../core.ts';
import type { Routes } from '../router.ts';

const HELP = `An embedded service registry that speaks Consul's HTTP API.

  curl URL/v1/catalog/services
  curl 'URL/v1/health/service/NAME?passing'
  curl URL/v1/agent/services
  curl 'URL/v1/kv/?keys'

Register a service, fail and pass its check, deregister it:

  curl -X PUT URL/v1/agent/service/register \\
    -d '{"Name":"web","Port":8080,"Tags":["web.localhost/"],"Check":{"TTL":"60s","Status":"passing"}}'
  curl -X PUT 'URL/v1/agent/check/fail/service:web?note=why'
  curl -X PUT URL/v1/agent/check/pass/service:web
  curl -X PUT 'URL/v1/agent/service/maintenance/web?enable=true&reason=deploy'
  curl -X PUT URL/v1/agent/service/deregister/web

Wait for a change: take X-Consul-Index of an answer and ask again with ?index=N&wait=55s
`;

/** The welcome page and `/v1/status/…`. */
export function statusRoutes({ agent }: Core, url: () => string): Routes {
  const leader = (): string => `${agent.node.Address}:${agent.record.services.get('consul')?.Port ?? 0}`;
  return {
    '/': { GET: () => text(200, HELP.replaceAll('URL', url())) },
    '/v1/status/leader': { GET: ({ pretty }) => json(leader(), pretty) },
    '/v1/status/peers': { GET: ({ pretty }) => json([leader()], pretty) },
  };
}
