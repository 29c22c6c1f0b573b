import { FunctionError } from '../template/errors.ts';
import { method } from '../template/functions.ts';
import {
  anyType,
  boolType,
  defined,
  type GoType,
  type IntegerKind,
  integerType,
  intType,
  mapOf,
  pointerTo,
  sliceOf,
  stringListType,
  stringMapType,
  stringType,
  structType,
} from '../template/kinds.ts';
import { List, type Pointer, type Struct, type Value } from '../template/values.ts';
import { aggregateStatus, type CheckStatus } from './aggregate-status.ts';

/** The types of what the functions give, with consul-template's names and order of fields. */

const uint64Type: GoType = integerType('uint64' satisfies IntegerKind);

/** `.Tags.Contains "x"` was taken out of consul-template; templates that have it work here. */
export const tagsType = defined('dependency.ServiceTags', stringListType, {
  methods: {
    Contains: method([stringType], (tags, [wanted]) => {
      if (!(tags instanceof List)) throw new FunctionError('not a list of tags');
      return tags.items.includes(wanted as Value);
    }),
  },
});

const serviceAddressType = structType('api.ServiceAddress', [
  ['Address', stringType],
  ['Port', intType],
]);
const serviceAddressesType = mapOf(stringType, serviceAddressType);

const weightsType = structType('api.AgentWeights', [
  ['Passing', intType],
  ['Warning', intType],
]);

/** Consul's own, less what a template has no use for: its definition. */
const checkType = structType('api.HealthCheck', [
  ['Node', stringType],
  ['CheckID', stringType],
  ['Name', stringType],
  ['Status', stringType],
  ['Notes', stringType],
  ['Output', stringType],
  ['ServiceID', stringType],
  ['ServiceName', stringType],
  ['ServiceTags', stringListType],
  ['Type', stringType],
  ['Namespace', stringType],
  ['Partition', stringType],
  ['ExposedPort', intType],
  ['PeerName', stringType],
  ['CreateIndex', uint64Type],
  ['ModifyIndex', uint64Type],
]);
const [checkIdAt, statusAt] = ['CheckID', 'Status'].map((name) => checkType.fieldIndex.get(name)!) as [
  number,
  number,
];
export const checksType = defined('api.HealthChecks', sliceOf(pointerTo(checkType)), {
  methods: {
    AggregatedStatus: method([], (checks) =>
      aggregateStatus((checks as List).items.map((item) => statusIn((item as Pointer).to as Struct))),
    ),
  },
});

function statusIn({ values }: Struct): CheckStatus {
  return { id: values[checkIdAt] as string, status: values[statusAt] as string };
}

export const serviceType = structType('dependency.HealthService', [
  ['Node', stringType],
  ['NodeID', stringType],
  ['NodeAddress', stringType],
  ['NodeTaggedAddresses', stringMapType],
  ['NodeMeta', stringMapType],
  ['ServiceMeta', stringMapType],
  ['Address', stringType],
  ['ServiceTaggedAddresses', serviceAddressesType],
  ['ID', stringType],
  ['Name', stringType],
  ['Tags', tagsType],
  ['Checks', checksType],
  ['Status', stringType],
  ['Port', intType],
  ['Weights', weightsType],
]);
export const servicesType = sliceOf(pointerTo(serviceType));

export const snippetType = structType('dependency.CatalogSnippet', [
  ['Name', stringType],
  ['Tags', tagsType],
]);
export const snippetsType = sliceOf(pointerTo(snippetType));

export const nodeType = structType('dependency.Node', [
  ['ID', stringType],
  ['Node', stringType],
  ['Address', stringType],
  ['Datacenter', stringType],
  ['TaggedAddresses', stringMapType],
  ['Meta', stringMapType],
]);
export const nodesType = sliceOf(pointerTo(nodeType));

export const nodeServiceType = structType('dependency.CatalogNodeService', [
  ['ID', stringType],
  ['Service', stringType],
  ['Tags', tagsType],
  ['Meta', stringMapType],
  ['Port', intType],
  ['Address', stringType],
  ['EnableTagOverride', boolType],
]);
const nodeServicesType = sliceOf(pointerTo(nodeServiceType));

export const nodeDetailType = structType('dependency.CatalogNode', [
  ['Node', pointerTo(nodeType)],
  ['Services', nodeServicesType],
]);

export const keyPairType = structType('dependency.KeyPair', [
  ['Path', stringType],
  ['Key', stringType],
  ['Value', stringType],
  ['CreateIndex', uint64Type],
  ['ModifyIndex', uint64Type],
  ['LockIndex', uint64Type],
  ['Flags', uint64Type],
  ['Session', stringType],
]);
export const keyPairsType = sliceOf(pointerTo(keyPairType));

const rootType = structType('api.CARoot', [
  ['ID', stringType],
  ['Name', stringType],
  ['RootCertPEM', stringType],
  ['Active', boolType],
  ['CreateIndex', uint64Type],
  ['ModifyIndex', uint64Type],
]);
export const rootsType = sliceOf(pointerTo(rootType));

/** Go's times print in a form of their own; these are Consul's RFC 3339 texts. */
export const leafType = structType('api.LeafCert', [
  ['SerialNumber', stringType],
  ['CertPEM', stringType],
  ['PrivateKeyPEM', stringType],
  ['Service', stringType],
  ['ServiceURI', stringType],
  ['ValidAfter', stringType],
  ['ValidBefore', stringType],
  ['CreateIndex', uint64Type],
  ['ModifyIndex', uint64Type],
]);

const partitionType = structType('dependency.Partition', [
  ['Name', stringType],
  ['Description', stringType],
]);
export const partitionsType = sliceOf(pointerTo(partitionType));

const streamStatusType = structType('dependency.PeeringStreamStatus', [
  ['ImportedServices', stringListType],
  ['ExportedServices', stringListType],
  ['LastHeartbeat', anyType],
  ['LastReceive', anyType],
  ['LastSend', anyType],
]);
const remoteType = structType('dependency.PeeringRemoteInfo', [
  ['Partition', stringType],
  ['Datacenter', stringType],
]);
const peeringType = structType('dependency.Peering', [
  ['ID', stringType],
  ['Name', stringType],
  ['Partition', stringType],
  ['Meta', stringMapType],
  ['PeeringState', stringType],
  ['PeerID', stringType],
  ['PeerServerName', stringType],
  ['PeerServerAddresses', stringListType],
  ['StreamStatus', streamStatusType],
  ['Remote', remoteType],
]);
export const peeringsType = sliceOf(pointerTo(peeringType));

const consumersType = structType('dependency.ResolvedConsumers', [
  ['Peers', stringListType],
  ['Partitions', stringListType],
]);
const exportType = structType('dependency.ExportedService', [
  ['Service', stringType],
  ['Partition', stringType],
  ['Namespace', stringType],
  ['Consumers', consumersType],
]);
export const exportsType = sliceOf(exportType);

const importType = structType('dependency.ImportedService', [
  ['Service', stringType],
  ['Namespace', stringType],
  ['SourcePartition', stringType],
]);
export const importsType = sliceOf(importType);
