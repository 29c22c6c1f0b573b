import { isDeepStrictEqual } from 'node:util';
import { ApiError } from './errors.ts';
import type { Indexes } from './indexes.ts';
import { byKey, NodeRecord } from './node-record.ts';
import type { CheckFacts, NodeEntry, NodeFacts, ServiceEntry, ServiceFacts } from './shapes.ts';

/** Table topics; a service's own topic is `service:NAME`. */
export const NODES = 'nodes';
export const SERVICES = 'services';
export const CHECKS = 'checks';
/** Moves when the last instance of any service leaves: the index of services that do not exist. */
export const EXTINCTION = 'extinction';

const SERVICE_PREFIX = 'service:';
export const serviceTopic = (name: string): string => `${SERVICE_PREFIX}${name}`;

export interface Registered {
  readonly record: NodeRecord;
  readonly service: ServiceEntry;
}

/** What one registration writes, under one index. */
export interface Registration {
  readonly node: string;
  readonly facts?: NodeFacts;
  readonly service?: ServiceFacts;
  readonly checks?: readonly CheckFacts[];
}

/** Nodes, services and checks, with the index moves Consul 1.8 makes. Writing what already stands moves nothing. */
export class Catalog {
  readonly datacenter: string;
  readonly #indexes: Indexes;
  readonly #nodes = new Map<string, NodeRecord>();
  /** Service name → `node/serviceId` → instance. */
  readonly #services = new Map<string, Map<string, Registered>>();

  constructor(indexes: Indexes, datacenter: string) {
    this.#indexes = indexes;
    this.datacenter = datacenter;
  }

  nodes(): NodeRecord[] {
    return byKey(this.#nodes);
  }

  node(name: string): NodeRecord | undefined {
    return this.#nodes.get(name);
  }

  /** Instances of a service, by node, then by service id. */
  instances(name: string): Registered[] {
    const instances = this.#services.get(name);
    return instances ? byKey(instances) : [];
  }

  /** Every service name with the tags of all its instances. */
  serviceTags(): Map<string, Set<string>> {
    const tags = new Map<string, Set<string>>();
    for (const [name, instances] of this.#services) {
      const union = new Set<string>();
      for (const { service } of instances.values()) for (const tag of service.Tags) union.add(tag);
      tags.set(name, union);
    }
    return tags;
  }

  /** The index of a service's answers: its own while it has instances, else the last extinction. */
  serviceIndex(name: string): number {
    return this.#indexes.of(serviceTopic(name)) || this.tableIndex(EXTINCTION);
  }

  /** A table's index; never 0, which clients would take for "do not block". */
  tableIndex(...tables: readonly string[]): number {
    return Math.max(1, ...tables.map((table) => this.#indexes.of(table)));
  }

  register(registration: Registration): void {
    const topics = new Set<string>();
    try {
      const record = this.#writeNode(registration, topics);
      if (registration.service) this.#writeService(record, registration.service, topics);
      for (const check of registration.checks ?? []) this.#writeCheck(record, check, topics);
    } finally {
      this.#commit(topics);
    }
  }

  deregisterNode(name: string): void {
    const record = this.#nodes.get(name);
    if (!record) return;
    const topics = new Set([NODES]);
    for (const id of [...record.services.keys()]) this.#dropService(record, id, topics);
    for (const check of record.checks()) this.#dropCheck(record, check.CheckID, topics);
    this.#nodes.delete(name);
    this.#commit(topics);
  }

  deregisterService(node: string, id: string): void {
    const record = this.#nodes.get(node);
    if (!record?.services.has(id)) return;
    const topics = new Set<string>();
    this.#dropService(record, id, topics);
    this.#commit(topics);
  }

  deregisterCheck(node: string, id: string): void {
    const record = this.#nodes.get(node);
    if (!record?.check(id)) return;
    const topics = new Set<string>();
    this.#dropCheck(record, id, topics);
    this.#commit(topics);
  }

  clear(): void {
    this.#nodes.clear();
    this.#services.clear();
  }

  #commit(topics: ReadonlySet<string>): void {
    if (topics.size === 0) return;
    this.#indexes.commit(topics);
    for (const topic of topics) {
      const gone =
        topic.startsWith(SERVICE_PREFIX) && !this.#services.has(topic.slice(SERVICE_PREFIX.length));
      if (gone) this.#indexes.forget(topic);
    }
  }

  #writeNode({ node, facts }: Registration, topics: Set<string>): NodeRecord {
    const existing = this.#nodes.get(node);
    if (!existing && !facts) throw new ApiError(500, `Unknown node "${node}"`);
    if (existing && (!facts || contains(existing.node, facts))) return existing;
    const index = this.#indexes.next;
    const entry: NodeEntry = {
      ...facts!,
      Datacenter: this.datacenter,
      CreateIndex: existing?.node.CreateIndex ?? index,
      ModifyIndex: index,
    };
    const record = existing ?? new NodeRecord(entry);
    record.node = entry;
    this.#nodes.set(node, record);
    topics.add(NODES);
    for (const service of record.services.values()) topics.add(serviceTopic(service.Service));
    return record;
  }

  #writeService(record: NodeRecord, facts: ServiceFacts, topics: Set<string>): void {
    const existing = record.services.get(facts.ID);
    if (existing && contains(existing, facts)) return;
    if (existing && existing.Service !== facts.Service) this.#unlist(record, existing, topics);
    const index = this.#indexes.next;
    const service = { ...facts, CreateIndex: existing?.CreateIndex ?? index, ModifyIndex: index };
    record.services.set(service.ID, service);
    this.#list(record, service);
    topics.add(SERVICES).add(serviceTopic(service.Service));
    for (const check of record.checksOf(service.ID)) {
      record.setCheck({ ...check, ServiceName: service.Service, ServiceTags: service.Tags });
    }
  }

  #writeCheck(record: NodeRecord, facts: CheckFacts, topics: Set<string>): void {
    const service = record.services.get(facts.ServiceID);
    const node = record.node.Node;
    if (facts.ServiceID !== '' && !service) {
      throw new ApiError(500, `failed inserting check: Missing service registration on node "${node}"`);
    }
    const existing = record.check(facts.CheckID);
    if (existing && contains(existing, facts)) return;
    const index = this.#indexes.next;
    record.setCheck({
      Node: node,
      ...facts,
      ServiceName: service?.Service ?? '',
      ServiceTags: service?.Tags ?? [],
      Definition: {},
      CreateIndex: existing?.CreateIndex ?? index,
      ModifyIndex: index,
    });
    touchCheck(record, facts.ServiceID, topics);
  }

  #dropService(record: NodeRecord, id: string, topics: Set<string>): void {
    const service = record.services.get(id)!;
    for (const check of record.checksOf(id)) this.#dropCheck(record, check.CheckID, topics);
    record.services.delete(id);
    topics.add(SERVICES);
    this.#unlist(record, service, topics);
  }

  #dropCheck(record: NodeRecord, id: string, topics: Set<string>): void {
    touchCheck(record, record.check(id)!.ServiceID, topics);
    record.dropCheck(id);
  }

  #list(record: NodeRecord, service: ServiceEntry): void {
    const key = `${record.node.Node}/${service.ID}`;
    const instances = this.#services.get(service.Service);
    if (instances) instances.set(key, { record, service });
    else this.#services.set(service.Service, new Map([[key, { record, service }]]));
  }

  #unlist(record: NodeRecord, service: ServiceEntry, topics: Set<string>): void {
    const instances = this.#services.get(service.Service);
    instances?.delete(`${record.node.Node}/${service.ID}`);
    topics.add(serviceTopic(service.Service));
    if (instances?.size !== 0) return;
    this.#services.delete(service.Service);
    topics.add(EXTINCTION);
  }
}

/** A node's own check concerns every service on the node. */
function touchCheck(record: NodeRecord, serviceId: string, topics: Set<string>): void {
  topics.add(CHECKS);
  const services = serviceId === '' ? record.services.values() : [record.services.get(serviceId)];
  for (const service of services) if (service) topics.add(serviceTopic(service.Service));
}

/** Whether every fact already stands in the entry. */
function contains<T extends object>(entry: T, facts: Partial<T>): boolean {
  return Object.entries(facts).every(([key, value]) => isDeepStrictEqual(entry[key as keyof T], value));
}
