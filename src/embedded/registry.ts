import { deregisterFromCatalog, registerInCatalog } from './api/catalog.ts';
import { BlockedQueries } from './blocked.ts';
import { Core } from './core.ts';
import { ApiError } from './errors.ts';
import { Faults } from './faults.ts';
import { Fields } from './fields.ts';
import { createListener } from './listener.ts';
import { requestHandler } from './serve.ts';
import type { CatalogRegistration, ServiceDefinition, Status } from './shapes.ts';

export type { Fault, FaultScope, Faults, Garbage, LostIndex } from './faults.ts';
export type { PathScope } from './scope.ts';
export type { CatalogRegistration, CheckDefinition, ServiceDefinition, Status } from './shapes.ts';

export interface EmbeddedRegistryOptions {
  readonly host?: string;
  /** 0 takes a free port. */
  readonly port?: number;
  readonly datacenter?: string;
  readonly nodeName?: string;
  readonly log?: (msg: string) => void;
}

/** A running registry. The calls below do what the HTTP API does, without HTTP. */
export interface EmbeddedRegistry {
  readonly url: string;
  readonly port: number;
  readonly node: string;
  /** The index of the last change of anything. */
  readonly index: number;
  /** Client connections open now. */
  readonly connections: number;
  readonly faults: Faults;
  /** Registers a service with the agent and returns its id. Throws what the API would answer with 400. */
  register(definition: ServiceDefinition): string;
  deregister(serviceId: string): void;
  /** Reports a TTL check: `service:ID`, or `service:ID:N` when the service has several. */
  setTtl(checkId: string, status: Status, output?: string): void;
  setMaintenance(serviceId: string, enable: boolean, reason?: string): void;
  setNodeMaintenance(enable: boolean, reason?: string): void;
  /** Writes a node without an agent, with a service and checks: what an external service or a second node is. */
  registerInCatalog(registration: CatalogRegistration): void;
  deregisterFromCatalog(what: {
    readonly Node: string;
    readonly ServiceID?: string;
    readonly CheckID?: string;
  }): void;
  putKey(key: string, value: string | Uint8Array): void;
  /** Deletes a key, or everything below a prefix that ends in `/`. */
  deleteKey(key: string): void;
  close(): Promise<void>;
}

/** Starts a registry that speaks Consul's HTTP API; resolves when it listens. */
export async function startRegistry(options: EmbeddedRegistryOptions = {}): Promise<EmbeddedRegistry> {
  const { host = '127.0.0.1', port = 0, datacenter = 'dc1', nodeName = 'embedded', log = () => {} } = options;
  const core = new Core({ datacenter, nodeName, port: () => listener.port });
  const url = (): string => `http://${host.includes(':') ? `[${host}]` : host}:${listener.port}`;
  const faults: Faults = new Faults(new BlockedQueries(), {
    refuse: () => listener.shut(),
    accept: () => listener.listen(),
    drop: () => listener.dropSockets(),
    wipe: () => core.wipe(),
  });
  const listener = createListener(host, port, requestHandler(core, faults, url, log));
  await listener.listen();
  core.agent.join();
  return new Registry(core, faults, listener, url);
}

class Registry implements EmbeddedRegistry {
  readonly faults: Faults;
  readonly #core: Core;
  readonly #listener: ReturnType<typeof createListener>;
  readonly #url: () => string;

  constructor(core: Core, faults: Faults, listener: ReturnType<typeof createListener>, url: () => string) {
    this.#core = core;
    this.faults = faults;
    this.#listener = listener;
    this.#url = url;
  }

  get url(): string {
    return this.#url();
  }

  get port(): number {
    return this.#listener.port;
  }

  get node(): string {
    return this.#core.agent.node.Node;
  }

  get index(): number {
    return this.#core.indexes.current;
  }

  get connections(): number {
    return this.#listener.connections;
  }

  register(definition: ServiceDefinition): string {
    return this.#core.agent.registerService(new Fields(definition));
  }

  deregister(serviceId: string): void {
    this.#core.agent.deregisterService(serviceId);
  }

  setTtl(checkId: string, status: Status, output = ''): void {
    const known = this.#core.agent.heartbeat(checkId, status, output);
    if (!known) throw new ApiError(500, `CheckID "${checkId}" does not have associated TTL`);
  }

  setMaintenance(serviceId: string, enable: boolean, reason = ''): void {
    this.#core.agent.serviceMaintenance(serviceId, enable, reason);
  }

  setNodeMaintenance(enable: boolean, reason = ''): void {
    this.#core.agent.nodeMaintenance(enable, reason);
  }

  registerInCatalog(registration: CatalogRegistration): void {
    registerInCatalog(this.#core, new Fields(registration));
  }

  deregisterFromCatalog(what: {
    readonly Node: string;
    readonly ServiceID?: string;
    readonly CheckID?: string;
  }): void {
    deregisterFromCatalog(this.#core, new Fields(what));
  }

  putKey(key: string, value: string | Uint8Array): void {
    this.#core.kv.put({ key, value: Buffer.from(value as string) });
  }

  deleteKey(key: string): void {
    if (key.endsWith('/')) this.#core.kv.deleteTree(key);
    else this.#core.kv.delete(key);
  }

  async close(): Promise<void> {
    this.#core.close();
    this.faults.clear();
    await this.#listener.shut();
  }
}
