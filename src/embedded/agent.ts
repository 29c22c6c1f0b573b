import type { Catalog } from './catalog.ts';
import { CheckRunner } from './check-runner.ts';
import { type CheckSpec, serviceChecks, serviceFacts } from './definitions.ts';
import { ApiError } from './errors.ts';
import type { Fields } from './fields.ts';
import type { NodeRecord } from './node-record.ts';
import type { CheckFacts, NodeFacts, Status } from './shapes.ts';

const NODE_MAINTENANCE = '_node_maintenance';
const serviceMaintenance = (id: string): string => `_service_maintenance:${id}`;
const noReason = (what: string): string =>
  `Maintenance mode is enabled for this ${what}, but no reason was provided. This is a default message.`;

/** The local agent: registers what runs on its node and keeps the catalog in step with its checks. */
export class Agent {
  readonly node: NodeFacts;
  readonly #catalog: Catalog;
  readonly #runner: CheckRunner;
  readonly #serverPort: () => number;

  constructor(catalog: Catalog, node: NodeFacts, serverPort: () => number) {
    this.#catalog = catalog;
    this.node = node;
    this.#serverPort = serverPort;
    this.#runner = new CheckRunner({
      result: (spec, status, output) => this.#write(spec, status, output),
      overdue: (spec) => (spec.serviceId === '' ? undefined : this.deregisterService(spec.serviceId)),
    });
  }

  get record(): NodeRecord {
    return this.#catalog.node(this.node.Node) ?? this.#missing();
  }

  /** Registers the node itself, its `serfHealth`, and the service `consul`, as a server agent does. */
  join(): void {
    this.#catalog.register({
      node: this.node.Node,
      facts: this.node,
      service: {
        ID: 'consul',
        Service: 'consul',
        Tags: [],
        Address: '',
        Meta: { version: '1.8.7' },
        Port: this.#serverPort(),
        Weights: { Passing: 1, Warning: 1 },
        EnableTagOverride: false,
      },
      checks: [
        {
          ...check('serfHealth', 'Serf Health Status', 'passing', '', ''),
          Output: 'Agent alive and reachable',
        },
      ],
    });
  }

  /** Registers a service with its checks and returns its id. Known checks keep their status, as in Consul. */
  registerService(fields: Fields, replaceChecks = false): string {
    const service = serviceFacts(fields, 'Name');
    const specs = serviceChecks(fields, service);
    if (replaceChecks) this.#dropChecksExcept(service.ID, new Set(specs.map(({ id }) => id)));
    const checks = specs.map((spec) => this.#factsOf(spec));
    this.#catalog.register({ node: this.node.Node, facts: this.node, service, checks });
    specs.forEach((spec, i) => {
      this.#runner.start(spec, checks[i]!.Status, checks[i]!.Output);
    });
    return service.ID;
  }

  deregisterService(id: string): void {
    for (const { CheckID } of this.record.checksOf(id)) this.#runner.stop(CheckID);
    this.#catalog.deregisterService(this.node.Node, id);
  }

  registerCheck(spec: CheckSpec): void {
    if (spec.serviceId !== '' && !this.record.services.has(spec.serviceId)) {
      throw new ApiError(500, `ServiceID "${spec.serviceId}" does not exist`);
    }
    const facts = this.#factsOf(spec);
    this.#catalog.register({ node: this.node.Node, checks: [facts] });
    this.#runner.start(spec, facts.Status, facts.Output);
  }

  deregisterCheck(id: string): void {
    this.#runner.stop(id);
    this.#catalog.deregisterCheck(this.node.Node, id);
  }

  /** What a service says of itself; false when there is no such TTL check. */
  heartbeat(checkId: string, status: Status, output: string): boolean {
    return this.#runner.heartbeat(checkId, status, output);
  }

  serviceMaintenance(id: string, enable: boolean, reason: string): void {
    const name = 'Service Maintenance Mode';
    this.#maintain(
      check(serviceMaintenance(id), name, 'critical', reason || noReason('service'), id),
      enable,
    );
  }

  nodeMaintenance(enable: boolean, reason: string): void {
    const name = 'Node Maintenance Mode';
    this.#maintain(check(NODE_MAINTENANCE, name, 'critical', reason || noReason('node'), ''), enable);
  }

  /** Forgets its services and checks. */
  close(): void {
    this.#runner.close();
  }

  /** While it is on, a second reason does not replace the first. */
  #maintain(facts: CheckFacts, enable: boolean): void {
    if (!enable) this.deregisterCheck(facts.CheckID);
    else if (!this.record.check(facts.CheckID)) {
      this.#catalog.register({ node: this.node.Node, checks: [{ ...facts, Type: 'maintenance' }] });
    }
  }

  #factsOf(spec: CheckSpec): CheckFacts {
    const known = this.#catalog.node(this.node.Node)?.check(spec.id);
    const facts = check(spec.id, spec.name, spec.status, spec.notes, spec.serviceId);
    const kept = known && { Status: known.Status, Output: known.Output };
    return { ...facts, ...kept, Type: spec.probe.kind };
  }

  /** Consul's agent may hold back a changed output for minutes; here every change is written at once. */
  #write(spec: CheckSpec, Status: Status, Output: string): void {
    const known = this.record.check(spec.id);
    if (!known) return;
    this.#catalog.register({ node: this.node.Node, checks: [{ ...this.#factsOf(spec), Status, Output }] });
  }

  #dropChecksExcept(serviceId: string, kept: ReadonlySet<string>): void {
    for (const { CheckID } of this.record.checksOf(serviceId)) {
      if (!kept.has(CheckID)) this.deregisterCheck(CheckID);
    }
  }

  /** Somebody deregistered the agent's node from the catalog: like the real one, it puts itself back. */
  #missing(): NodeRecord {
    this.join();
    return this.#catalog.node(this.node.Node)!;
  }
}

/** A check without output; an empty `ServiceID` makes it the node's. */
function check(CheckID: string, Name: string, Status: Status, Notes: string, ServiceID: string): CheckFacts {
  return { CheckID, Name, Status, Notes, Output: '', ServiceID, Type: '' };
}
