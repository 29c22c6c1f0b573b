import { createHash } from 'node:crypto';
import { type Answer, done, json, text } from '../answer.ts';
import type { Core } from '../core.ts';
import { checkSpec, isStatus } from '../definitions.ts';
import { ApiError } from '../errors.ts';
import { parseBody } from '../fields.ts';
import { byKey } from '../node-record.ts';
import { type ApiRequest, flag, goBoolean } from '../request.ts';
import type { Handler, Routes } from '../router.ts';
import type { ServiceEntry, Status } from '../shapes.ts';
import { agentCheckView, agentServiceView } from '../views.ts';

/** The service `consul` is the server's own; an agent does not list it among its services. */
const isOwn = ({ ID }: { ID: string }): boolean => ID !== 'consul';

/** `/v1/agent/…`. */
export function agentRoutes(core: Core): Routes {
  return { ...selfRoutes(core), ...serviceRoutes(core), ...checkRoutes(core) };
}

function selfRoutes({ agent, catalog }: Core): Routes {
  const { Node, ID, Address } = agent.node;
  const member = { Name: Node, Addr: Address, Tags: { role: 'consul', dc: catalog.datacenter }, Status: 1 };
  const config = {
    Datacenter: catalog.datacenter,
    NodeName: Node,
    NodeID: ID,
    Revision: '',
    Server: true,
    Version: '1.8.7',
  };
  return {
    '/v1/agent/self': {
      GET: ({ pretty }) => json({ Config: config, Member: member, Meta: agent.node.Meta }, pretty),
    },
    '/v1/agent/members': { GET: ({ pretty }) => json([member], pretty) },
    '/v1/agent/maintenance': {
      PUT: ({ query }) => {
        agent.nodeMaintenance(enableOption(query), query.get('reason') ?? '');
        return done;
      },
    },
  };
}

function serviceRoutes({ agent }: Core): Routes {
  const known = (id: string): ServiceEntry => {
    const service = agent.record.services.get(id);
    if (!service || !isOwn(service)) throw new ApiError(404, `unknown service ID: ${id}`);
    return service;
  };
  return {
    '/v1/agent/services': {
      GET: ({ pretty }) => {
        const services = byKey(agent.record.services).filter(isOwn);
        return json(Object.fromEntries(services.map((one) => [one.ID, agentServiceView(one)])), pretty);
      },
    },
    '/v1/agent/service/': { GET: ({ rest, pretty }) => describe(known(rest), pretty) },
    '/v1/agent/service/register': {
      PUT: ({ body, query }) => {
        agent.registerService(parseBody(body), flag(query, 'replace-existing-checks'));
        return done;
      },
    },
    '/v1/agent/service/deregister/': {
      PUT: ({ rest }) => {
        if (rest === '') throw new ApiError(500, 'ServiceID missing');
        agent.deregisterService(rest);
        return done;
      },
    },
    '/v1/agent/service/maintenance/': {
      PUT: ({ rest, query }) => {
        if (rest === '') throw new ApiError(400, 'Missing service ID');
        const enable = enableOption(query);
        if (!agent.record.services.has(rest)) {
          throw new ApiError(404, `No service registered with ID ${JSON.stringify(rest)}`);
        }
        agent.serviceMaintenance(rest, enable, query.get('reason') ?? '');
        return done;
      },
    },
  };
}

/** One service, with the hash of its content that real agents put into body and header. */
function describe(service: ServiceEntry, pretty: boolean): Answer {
  const view = agentServiceView(service);
  const hash = createHash('sha256').update(JSON.stringify(view)).digest('hex').slice(0, 16);
  return json({ ...view, ContentHash: hash }, pretty, { 'X-Consul-ContentHash': hash });
}

function checkRoutes({ agent }: Core): Routes {
  const report = (id: string, status: Status, output: string): Answer => {
    if (agent.heartbeat(id, status, output)) return done;
    return text(500, `CheckID ${JSON.stringify(id)} does not have associated TTL`);
  };
  const noted = (status: Status): { PUT: Handler } => ({
    PUT: ({ rest, query }: ApiRequest) => report(rest, status, query.get('note') ?? ''),
  });
  return {
    '/v1/agent/checks': {
      GET: ({ pretty }) => {
        const checks = agent.record.checks().filter(({ CheckID }) => CheckID !== 'serfHealth');
        return json(
          Object.fromEntries(checks.map((check) => [check.CheckID, agentCheckView(check)])),
          pretty,
        );
      },
    },
    '/v1/agent/check/register': {
      PUT: ({ body }) => {
        const fields = parseBody(body);
        const name = fields.text('Name');
        if (name === '') throw new ApiError(400, 'Missing check name');
        const spec = checkSpec(fields, name, name, fields.text('ServiceID'));
        if (!spec) throw new ApiError(400, 'Invalid check: TTL must be > 0 for TTL checks');
        agent.registerCheck(spec);
        return done;
      },
    },
    '/v1/agent/check/deregister/': {
      PUT: ({ rest }) => {
        agent.deregisterCheck(rest);
        return done;
      },
    },
    '/v1/agent/check/pass/': noted('passing'),
    '/v1/agent/check/warn/': noted('warning'),
    '/v1/agent/check/fail/': noted('critical'),
    '/v1/agent/check/update/': {
      PUT: ({ rest, body }) => {
        const fields = parseBody(body);
        const status = fields.text('Status');
        if (!isStatus(status)) throw new ApiError(400, `Invalid check status: '${status}'`);
        return report(rest, status, fields.text('Output'));
      },
    },
  };
}

function enableOption(query: URLSearchParams): boolean {
  const value = query.get('enable');
  if (!value) throw new ApiError(400, 'Missing value for enable');
  const enable = goBoolean(value);
  if (enable === null) throw new ApiError(400, `Invalid value for enable: ${JSON.stringify(value)}`);
  return enable;
}
