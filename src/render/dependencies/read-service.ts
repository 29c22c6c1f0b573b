import { isObject } from '../../control/providers/fault.ts';
import { compareText } from '../template/bytes.ts';
import type { GoType } from '../template/kinds.ts';
import { pointerTo } from '../template/kinds.ts';
import { int, List, Pointer, record, type Value } from '../template/values.ts';
import { aggregateStatus } from './aggregate-status.ts';
import { decode, type Json, objects } from './decode.ts';
import type { ServiceQuery } from './query.ts';
import { checksType, servicesType, serviceType, tagsType } from './types.ts';

const serviceField = (name: string): GoType => serviceType.fields[serviceType.fieldIndex.get(name)!]!.type;
const itemType = pointerTo(serviceType);

/** One instance of a service, as its record and what queries pick it by. */
export interface Entry {
  readonly node: string;
  readonly id: string;
  readonly tags: readonly string[];
  /** consul-template's word for all its checks; '' where a check has a status nobody knows. */
  readonly status: string;
  readonly value: Value;
}

/** Reads an answer of `/v1/health/service/NAME`, in its order. */
export function readEntries(answer: unknown): readonly Entry[] {
  const entries: Entry[] = [];
  for (const entry of objects(answer, 'instances')) {
    if (isObject(entry.Service) && isObject(entry.Node))
      entries.push(readEntry(entry.Node, entry.Service, entry.Checks));
  }
  return entries;
}

function readEntry(node: Json, service: Json, checks: unknown): Entry {
  const tags = sortedTags(service.Tags);
  const status = statusOf(checks);
  const address = text(service.Address) === '' ? text(node.Address) : text(service.Address);
  const value = record(serviceType, [
    text(node.Node),
    text(node.ID),
    text(node.Address),
    decode(serviceField('NodeTaggedAddresses'), node.TaggedAddresses),
    decode(serviceField('NodeMeta'), node.Meta),
    decode(serviceField('ServiceMeta'), service.Meta),
    address,
    decode(serviceField('ServiceTaggedAddresses'), service.TaggedAddresses),
    text(service.ID),
    text(service.Service),
    new List(tagsType, tags),
    decode(checksType, checks),
    status,
    int(typeof service.Port === 'number' ? Math.trunc(service.Port) : 0),
    decode(serviceField('Weights'), service.Weights),
  ]);
  return { node: text(node.Node), id: text(service.ID), tags, status, value: new Pointer(itemType, value) };
}

export function sortedTags(given: unknown): readonly string[] {
  if (!Array.isArray(given)) return [];
  return (given as readonly unknown[]).map(text).sort(compareText);
}

/** Of all checks of the node and the instance. */
function statusOf(checks: unknown): string {
  const read = Array.isArray(checks) ? checks.filter(isObject) : [];
  return aggregateStatus(read.map(({ CheckID, Status }) => ({ id: text(CheckID), status: text(Status) })));
}

/** What a query picks of all instances, in the order in which a template sees them. */
export function pick(query: ServiceQuery, entries: readonly Entry[]): List {
  const isAny = query.filters.includes('any');
  const tag = query.tag.toLowerCase();
  const picked = entries.filter(
    (entry) =>
      (isAny || query.filters.includes(entry.status)) &&
      // Consul compares tags without case.
      (tag === '' || entry.tags.some((each) => each.toLowerCase() === tag)),
  );
  // With `~near` the order is the answer's.
  if (query.near === '') picked.sort((a, b) => compareText(a.node, b.node) || compareText(a.id, b.id));
  return new List(
    servicesType,
    picked.map((entry) => entry.value),
  );
}

function text(given: unknown): string {
  return typeof given === 'string' ? given.toWellFormed() : '';
}
