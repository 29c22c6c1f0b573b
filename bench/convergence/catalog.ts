/** Puts services into Consul: those that flip at the agent, the others in bulk on nodes without an agent. */
import type { ConsulApi } from './consul-api.ts';

/** One that flips: its check is told by us and never runs out by itself. */
export interface Flipping {
  readonly service: string;
  readonly host: string;
  readonly id: string;
  readonly port: number;
}

const EXTERNAL_NODES = 16;
const INSTANCES = 3;
const PARALLEL = 32;

export function flippingInstances(services: number, instances: number): Omit<Flipping, 'port'>[] {
  return Array.from({ length: services * instances }, (_, i) => {
    const service = `flip${Math.floor(i / instances)}`;
    return { service, host: `${service}.bench.test`, id: `${service}-${i % instances}` };
  });
}

export async function registerFlipping(api: ConsulApi, instances: readonly Flipping[]): Promise<void> {
  for (const { service, host, id, port } of instances) {
    await api.ask('PUT', '/v1/agent/service/register', {
      ID: id,
      Name: service,
      Address: '127.0.0.1',
      Port: port,
      Tags: [`fairlead:${host}/`],
      Check: { TTL: '24h', Status: 'passing' },
    });
  }
}

/** Services that are routed and healthy and never asked. */
export async function registerOthers(api: ConsulApi, count: number): Promise<void> {
  const todo = Array.from({ length: count * INSTANCES }, (_, i) => registration(i));
  const worker = async (): Promise<void> => {
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      await api.ask('PUT', '/v1/catalog/register', next);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

function registration(i: number): unknown {
  const number = Math.floor(i / INSTANCES);
  const service = `other${number}`;
  const id = `${service}-${i % INSTANCES}`;
  const node = i % EXTERNAL_NODES;
  return {
    Node: `external-${node}`,
    Address: `192.0.2.${node + 1}`,
    Service: {
      ID: id,
      Service: service,
      Port: 8080 + (number % 1000),
      Tags: [`fairlead:${service}.bench.test/`],
    },
    Check: {
      Node: `external-${node}`,
      CheckID: `service:${id}`,
      Name: 'up',
      Status: 'passing',
      ServiceID: id,
    },
  };
}
