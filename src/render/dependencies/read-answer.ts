import { BadAnswer, isObject } from '../../control/providers/fault.ts';
import { compareText } from '../template/bytes.ts';
import { List, Pointer, pointer, record, type Struct, strings, type Value } from '../template/values.ts';
import { decode, decodeBase64, type Json, objects, parseExact } from './decode.ts';
import type { ConsulQuery } from './query.ts';
import { pick, readEntries, sortedTags } from './read-service.ts';
import {
  exportsType,
  importsType,
  keyPairsType,
  keyPairType,
  leafType,
  nodeDetailType,
  nodeServiceType,
  nodesType,
  nodeType,
  partitionsType,
  peeringsType,
  rootsType,
  snippetsType,
  snippetType,
  tagsType,
} from './types.ts';

/**
 * What an answer of Consul's means to a query.
 *
 * @param body null for a 404
 * @returns null where there is no such thing
 */
export function readAnswer(query: ConsulQuery, body: Buffer | null): Value {
  const answer = body === null ? null : parseExact(body);
  switch (query.kind) {
    case 'service':
      return pick(query, readEntries(answer));
    case 'services':
      return readServices(answer);
    case 'nodes': {
      const nodes = decode(nodesType, objects(answer, 'nodes'));
      return query.near === '' ? sorted(nodes, ['Node', 'Address']) : nodes;
    }
    case 'node':
      return readNode(answer);
    case 'datacenters':
      return readDatacenters(answer);
    case 'key':
      return readKey(answer);
    case 'keys':
      return readKeys(query.prefix, answer);
    case 'roots':
      return readRoots(answer);
    case 'leaf':
      return pointer(decode(leafType, answer) as Struct);
    case 'partitions':
      return sorted(decode(partitionsType, objects(answer, 'partitions')), ['Name']);
    case 'peerings':
      return readPeerings(answer);
    case 'exports':
      return sorted(decode(exportsType, objects(answer, 'exported services').map(withoutScope)), ['Service']);
    case 'imports':
      return sorted(decode(importsType, objects(answer, 'imported services')), ['Service']);
  }
}

function readServices(answer: unknown): List {
  if (!isObject(answer)) throw new BadAnswer('services: not an object');
  const names = Object.keys(answer).sort(compareText);
  return new List(
    snippetsType,
    names.map((name) =>
      pointer(record(snippetType, [name.toWellFormed(), new List(tagsType, sortedTags(answer[name]))])),
    ),
  );
}

/** No such node is a value, too, whose `.Node` is nil. */
function readNode(answer: unknown): Value {
  if (!isObject(answer) || !isObject(answer.Node)) return pointer(decode(nodeDetailType, {}) as Struct);
  const services = isObject(answer.Services) ? Object.values(answer.Services).filter(isObject) : [];
  const items = services.map((service) => {
    const read = decode(nodeServiceType, { ...service, Tags: null }) as Struct;
    const values = read.values.map((value, at) =>
      nodeServiceType.fields[at]!.name === 'Tags' ? new List(tagsType, sortedTags(service.Tags)) : value,
    );
    return pointer(record(nodeServiceType, values));
  });
  const listType = nodeDetailType.fields[1]!.type;
  const node = pointer(decode(nodeType, answer.Node) as Struct);
  return pointer(record(nodeDetailType, [node, sorted(new List(listType, items), ['Service', 'ID'])]));
}

/** Consul's client calls the field `RootCert` another name than its JSON does. */
function readRoots(answer: unknown): Value {
  const roots = isObject(answer) ? objects(answer.Roots ?? null, 'roots') : [];
  return decode(
    rootsType,
    roots.map((root) => ({ ...root, RootCertPEM: root.RootCert })),
  );
}

function readDatacenters(answer: unknown): List {
  if (!Array.isArray(answer)) throw new BadAnswer('datacenters: not a list');
  const names = (answer as readonly unknown[]).filter((name) => typeof name === 'string');
  return strings(names.sort(compareText));
}

function readKey(answer: unknown): Value {
  const [entry] = objects(answer, 'KV');
  return entry === undefined ? null : decodeBase64(entry.Value);
}

/** In Consul's order, which is that of the keys' bytes. */
function readKeys(prefix: string, answer: unknown): List {
  const pairs = objects(answer, 'KV').map((entry) => {
    const path = typeof entry.Key === 'string' ? entry.Key.toWellFormed() : '';
    const rest = path.startsWith(prefix) ? path.slice(prefix.length) : path;
    const given = { ...entry, Path: path, Key: rest.replace(/^\/+/, ''), Value: null };
    const read = decode(keyPairType, given) as Struct;
    const values = [...read.values];
    values[keyPairType.fieldIndex.get('Value')!] = decodeBase64(entry.Value);
    return pointer(record(keyPairType, values));
  });
  return new List(keyPairsType, pairs);
}

function readPeerings(answer: unknown): Value {
  const entries = objects(answer, 'peerings').map((entry) => ({ ...entry, PeeringState: entry.State }));
  return sorted(decode(peeringsType, entries), ['PeeringState', 'Partition', 'Name']);
}

/** consul-template never fills these two. */
function withoutScope(entry: Json): Json {
  return { ...entry, Partition: '', Namespace: '' };
}

/** By these fields, which are texts; stable. */
function sorted(value: Value, fields: readonly string[]): List {
  const list = value as List;
  const keyed = list.items.map((item) => ({ item, keys: fields.map((field) => fieldOf(item, field)) }));
  keyed.sort((a, b) => {
    for (const [at, key] of a.keys.entries()) {
      const order = compareText(key, b.keys[at]!);
      if (order !== 0) return order;
    }
    return 0;
  });
  return new List(
    list.type,
    keyed.map(({ item }) => item),
  );
}

function fieldOf(item: Value, field: string): string {
  const struct = (item instanceof Pointer ? item.to : item) as Struct;
  return struct.values[struct.type.fieldIndex.get(field)!] as string;
}
