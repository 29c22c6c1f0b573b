import { randomUUID } from 'node:crypto';
import { Agent } from './agent.ts';
import { Catalog } from './catalog.ts';
import { Indexes } from './indexes.ts';
import { Kv } from './kv.ts';
import { Sessions } from './sessions.ts';
import type { NodeFacts } from './shapes.ts';

export interface CoreOptions {
  readonly datacenter: string;
  readonly nodeName: string;
  /** Known once the server listens. */
  readonly port: () => number;
}

/** Everything the registry knows, and the agent that keeps it up. */
export class Core {
  readonly indexes = new Indexes();
  readonly catalog: Catalog;
  readonly agent: Agent;
  readonly kv: Kv;
  readonly sessions: Sessions;

  constructor({ datacenter, nodeName, port }: CoreOptions) {
    this.catalog = new Catalog(this.indexes, datacenter);
    this.agent = new Agent(this.catalog, nodeFacts(nodeName), port);
    this.kv = new Kv(this.indexes);
    this.sessions = new Sessions(this.indexes, this.kv, nodeName);
  }

  /** Loses all data, and counts from the start again. */
  wipe(): void {
    this.close();
    this.catalog.clear();
    this.kv.clear();
    this.indexes.restart();
    this.agent.join();
  }

  close(): void {
    this.agent.close();
    this.sessions.close();
  }
}

const ADDRESS = '127.0.0.1';

const nodeFacts = (Node: string): NodeFacts => ({
  ID: randomUUID(),
  Node,
  Address: ADDRESS,
  TaggedAddresses: { lan: ADDRESS, lan_ipv4: ADDRESS, wan: ADDRESS, wan_ipv4: ADDRESS },
  Meta: { 'consul-network-segment': '' },
});
