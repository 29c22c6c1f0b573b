/** The JSON of Consul's HTTP API, in its own field names and casing (measured against Consul 1.8.7). */

export type Status = 'passing' | 'warning' | 'critical';

export interface Weights {
  readonly Passing: number;
  readonly Warning: number;
}

export type TaggedAddresses = Readonly<Record<string, { readonly Address: string; readonly Port: number }>>;

export interface NodeEntry {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Datacenter: string;
  readonly TaggedAddresses: Readonly<Record<string, string>> | null;
  readonly Meta: Readonly<Record<string, string>> | null;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

export interface ServiceEntry {
  readonly ID: string;
  readonly Service: string;
  readonly Tags: readonly string[];
  readonly Address: string;
  readonly TaggedAddresses?: TaggedAddresses;
  readonly Meta: Readonly<Record<string, string>> | null;
  readonly Port: number;
  readonly Weights: Weights;
  readonly EnableTagOverride: boolean;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

export interface CheckEntry {
  readonly Node: string;
  readonly CheckID: string;
  readonly Name: string;
  readonly Status: Status;
  readonly Notes: string;
  readonly Output: string;
  readonly ServiceID: string;
  readonly ServiceName: string;
  readonly ServiceTags: readonly string[];
  readonly Type: string;
  readonly Definition: Readonly<Record<string, never>>;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** What somebody registers; the store adds the indexes and whatever belongs to the service or node. */
export type NodeFacts = Omit<NodeEntry, 'Datacenter' | 'CreateIndex' | 'ModifyIndex'>;
export type ServiceFacts = Omit<ServiceEntry, 'CreateIndex' | 'ModifyIndex'>;
export type CheckFacts = Pick<
  CheckEntry,
  'CheckID' | 'Name' | 'Status' | 'Notes' | 'Output' | 'ServiceID' | 'Type'
>;

/** A check as it is written in a registration. Durations are Go's (`10s`, `1m30s`) or nanoseconds. */
export interface CheckDefinition {
  readonly CheckID?: string;
  readonly ID?: string;
  readonly Name?: string;
  readonly Notes?: string;
  readonly Status?: Status;
  readonly ServiceID?: string;
  readonly TTL?: string | number;
  readonly HTTP?: string;
  readonly Method?: string;
  readonly Header?: Readonly<Record<string, readonly string[]>>;
  readonly Body?: string;
  readonly TLSSkipVerify?: boolean;
  readonly TCP?: string;
  readonly Interval?: string | number;
  readonly Timeout?: string | number;
  readonly DeregisterCriticalServiceAfter?: string | number;
  readonly SuccessBeforePassing?: number;
  readonly FailuresBeforeCritical?: number;
}

/** The body of `PUT /v1/agent/service/register`. */
export interface ServiceDefinition {
  readonly Name: string;
  readonly ID?: string;
  readonly Address?: string;
  readonly Port?: number;
  readonly Tags?: readonly string[];
  readonly Meta?: Readonly<Record<string, string>>;
  readonly Weights?: { readonly Passing?: number; readonly Warning?: number };
  readonly EnableTagOverride?: boolean;
  readonly Check?: CheckDefinition;
  readonly Checks?: readonly CheckDefinition[];
}

/** The body of `PUT /v1/catalog/register`: a node and what is known about it, without an agent behind it. */
export interface CatalogRegistration {
  readonly Node: string;
  readonly Address?: string;
  readonly ID?: string;
  readonly Datacenter?: string;
  readonly TaggedAddresses?: Readonly<Record<string, string>>;
  readonly NodeMeta?: Readonly<Record<string, string>>;
  readonly SkipNodeUpdate?: boolean;
  readonly Service?: Omit<ServiceDefinition, 'Name' | 'Check' | 'Checks'> & { readonly Service: string };
  readonly Check?: CheckDefinition;
  readonly Checks?: readonly CheckDefinition[];
}

export interface KvEntry {
  readonly LockIndex: number;
  readonly Key: string;
  readonly Flags: number;
  /** Raw bytes; base64 in JSON. */
  readonly value: Buffer;
  readonly Session?: string;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

export interface SessionEntry {
  readonly ID: string;
  readonly Name: string;
  readonly Node: string;
  /** Nanoseconds, as Consul prints it. */
  readonly LockDelay: number;
  readonly Behavior: 'release' | 'delete';
  readonly TTL: string;
  readonly NodeChecks: readonly string[];
  readonly ServiceChecks: null;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}
