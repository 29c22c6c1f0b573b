import type { Catalog, Registered } from './catalog.ts';
import type { CheckEntry, ServiceEntry } from './shapes.ts';

/** Connect fields that Consul always prints. */
const CONNECT = { Proxy: { MeshGateway: {}, Expose: {} }, Connect: {} };

/** A service inside `/v1/health/service` and `/v1/catalog/node`. */
export function serviceView({ CreateIndex, ModifyIndex, ...facts }: ServiceEntry): object {
  return { ...facts, ...CONNECT, CreateIndex, ModifyIndex };
}

/** One element of `/v1/health/service/:name`: node, service, and the node's and the service's checks. */
export function healthView({ record, service }: Registered): { Checks: readonly CheckEntry[] } {
  const Checks = [...record.checksOf(''), ...record.checksOf(service.ID)];
  return { Node: record.node, Service: serviceView(service), Checks } as { Checks: readonly CheckEntry[] };
}

/** One element of `/v1/catalog/service/:name`. */
export function catalogView({ record: { node }, service }: Registered): object {
  return {
    ID: node.ID,
    Node: node.Node,
    Address: node.Address,
    Datacenter: node.Datacenter,
    TaggedAddresses: node.TaggedAddresses,
    NodeMeta: node.Meta,
    ServiceKind: '',
    ServiceID: service.ID,
    ServiceName: service.Service,
    ServiceTags: service.Tags,
    ServiceAddress: service.Address,
    ...(service.TaggedAddresses && { ServiceTaggedAddresses: service.TaggedAddresses }),
    ServiceWeights: service.Weights,
    ServiceMeta: service.Meta ?? {},
    ServicePort: service.Port,
    ServiceEnableTagOverride: service.EnableTagOverride,
    ServiceProxy: CONNECT.Proxy,
    ServiceConnect: CONNECT.Connect,
    CreateIndex: service.CreateIndex,
    ModifyIndex: service.ModifyIndex,
  };
}

/** A service as its own agent shows it: without catalog indexes. */
export function agentServiceView(service: ServiceEntry): object {
  return {
    ID: service.ID,
    Service: service.Service,
    Tags: service.Tags,
    Meta: service.Meta ?? {},
    Port: service.Port,
    Address: service.Address,
    ...(service.TaggedAddresses && { TaggedAddresses: service.TaggedAddresses }),
    Weights: service.Weights,
    EnableTagOverride: service.EnableTagOverride,
  };
}

/** A check as its own agent shows it. */
export const agentCheckView = (check: CheckEntry): CheckEntry => ({
  ...check,
  CreateIndex: 0,
  ModifyIndex: 0,
});

/** Service name → tags, sorted by name. */
export function servicesView(catalog: Catalog): Record<string, readonly string[]> {
  const names = [...catalog.serviceTags()].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(names.map(([name, tags]) => [name, [...tags]]));
}

/** Instances that carry every tag, whatever its case, as Consul compares them. */
export function tagged(instances: readonly Registered[], tags: readonly string[]): readonly Registered[] {
  if (tags.length === 0) return instances;
  const wanted = tags.map((tag) => tag.toLowerCase());
  return instances.filter(({ service }) => {
    const carried = new Set(service.Tags.map((tag) => tag.toLowerCase()));
    return wanted.every((tag) => carried.has(tag));
  });
}
