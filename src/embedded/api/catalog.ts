import { json } from '../answer.ts';
import { EXTINCTION, NODES, SERVICES, serviceTopic } from '../catalog.ts';
import type { Core } from '../core.ts';
import { isStatus, serviceFacts } from '../definitions.ts';
import { ApiError } from '../errors.ts';
import { type Fields, parseBody } from '../fields.ts';
import { byKey } from '../node-record.ts';
import type { Routes } from '../router.ts';
import type { CheckFacts } from '../shapes.ts';
import { catalogView, servicesView, serviceView, tagged } from '../views.ts';
import { named } from './health.ts';

/** `/v1/catalog/…`. */
export function catalogRoutes(core: Core): Routes {
  const { catalog } = core;
  return {
    '/v1/catalog/datacenters': { GET: ({ pretty }) => json([catalog.datacenter], pretty) },
    '/v1/catalog/services': {
      GET: () => ({
        topics: [SERVICES],
        index: () => catalog.tableIndex(SERVICES),
        answer: () => servicesView(catalog),
      }),
    },
    '/v1/catalog/service/': {
      GET: (request) => {
        const name = named(request);
        const tags = request.query.getAll('tag');
        return {
          topics: [serviceTopic(name), EXTINCTION],
          index: () => catalog.serviceIndex(name),
          answer: () => tagged(catalog.instances(name), tags).map(catalogView),
        };
      },
    },
    '/v1/catalog/nodes': {
      GET: () => ({
        topics: [NODES],
        index: () => catalog.tableIndex(NODES),
        answer: () => catalog.nodes().map(({ node }) => node),
      }),
    },
    '/v1/catalog/node/': {
      GET: ({ rest }) => ({
        topics: [NODES, SERVICES],
        index: () => catalog.tableIndex(NODES, SERVICES),
        answer: () => nodeView(core, rest),
      }),
    },
    '/v1/catalog/register': {
      PUT: ({ body, pretty }) => {
        registerInCatalog(core, parseBody(body));
        return json(true, pretty);
      },
    },
    '/v1/catalog/deregister': {
      PUT: ({ body, pretty }) => {
        deregisterFromCatalog(core, parseBody(body));
        return json(true, pretty);
      },
    },
  };
}

function nodeView({ catalog }: Core, name: string): unknown {
  const record = catalog.node(name);
  if (!record) return null;
  const services = byKey(record.services).map((service) => [service.ID, serviceView(service)]);
  return { Node: record.node, Services: Object.fromEntries(services) };
}

/** Writes a node, and what is said of it, without an agent: how external services are registered. */
export function registerInCatalog({ catalog }: Core, fields: Fields): void {
  const node = fields.text('Node');
  const address = fields.text('Address');
  if (node === '') throw new ApiError(500, 'Must provide node');
  if (address === '' && !fields.flag('SkipNodeUpdate')) {
    throw new ApiError(500, 'Must provide address if SkipNodeUpdate is not set');
  }
  const checks = [...(fields.has('Check') ? [fields.object('Check')] : []), ...fields.objects('Checks')];
  catalog.register({
    node,
    ...(!fields.flag('SkipNodeUpdate') && {
      facts: {
        ID: fields.text('ID'),
        Node: node,
        Address: address,
        TaggedAddresses: fields.map('TaggedAddresses'),
        Meta: fields.map('NodeMeta'),
      },
    }),
    ...(fields.has('Service') && { service: serviceFacts(fields.object('Service'), 'Service') }),
    checks: checks.map(checkFacts),
  });
}

function checkFacts(fields: Fields): CheckFacts {
  const name = fields.text('Name');
  const status = fields.text('Status') || 'critical';
  if (!isStatus(status)) throw new ApiError(400, `Invalid check status: '${status}'`);
  return {
    CheckID: fields.text('CheckID') || name,
    Name: name,
    Status: status,
    Notes: fields.text('Notes'),
    Output: fields.text('Output'),
    ServiceID: fields.text('ServiceID'),
    Type: '',
  };
}

/** Removes a service, a check, or the whole node when neither is named. */
export function deregisterFromCatalog({ agent, catalog }: Core, fields: Fields): void {
  const [node, service, check] = [fields.text('Node'), fields.text('ServiceID'), fields.text('CheckID')];
  if (node === '') throw new ApiError(500, 'Must provide node');
  const own = node === agent.node.Node;
  if (service !== '') own ? agent.deregisterService(service) : catalog.deregisterService(node, service);
  else if (check !== '') own ? agent.deregisterCheck(check) : catalog.deregisterCheck(node, check);
  else catalog.deregisterNode(node);
}
