import type { CheckFact, Health, Instance, Refusal } from '../../../router/model.ts';
import { checkAddress } from './address.ts';
import { BadAnswer, isObject, parseJson } from './fault.ts';

/** What one `/v1/health/service/:name` answer says. */
export interface ServiceFacts {
  /** Sorted by id, so that the order of the answer means nothing. */
  readonly instances: readonly Instance[];
  readonly refusals: readonly Refusal[];
  /** The answer was `[]`: Consul itself says there are none. */
  readonly empty: boolean;
}

type Json = Readonly<Record<string, unknown>>;

const MAX_TAGS = 5000;
const MAX_TAG_CHARS = 64_000;
/** Consul's own bound of a check output is 4 KiB. */
const MAX_OUTPUT_CHARS = 4096;
const MAX_WEIGHT = 65_535;
/** Control characters, undecodable bytes, and characters that reorder what people read. */
const UNPRINTABLE = /[\u0000-\u001f\u007f\ufffd\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

const SEVERITY: Readonly<Record<Health, number>> = { passing: 0, warning: 1, critical: 2, maintenance: 3 };

/** Reads an answer entry by entry; a bad entry is set aside with its reason and disturbs no other. */
export function readServiceFacts(service: string, body: Buffer): ServiceFacts {
  const answer = parseJson(body);
  if (!Array.isArray(answer)) throw new BadAnswer(`instances of ${service}: not a list`);
  const byId = new Map<string, Instance>();
  const refusals: Refusal[] = [];
  for (const entry of answer as readonly unknown[]) {
    const instance = readEntry(service, entry, refusals);
    if (instance === null) continue;
    if (byId.has(instance.id)) refusals.push(refusal(service, instance.id, instance.id, 'listed twice'));
    else byId.set(instance.id, instance);
  }
  const instances = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { instances, refusals, empty: answer.length === 0 };
}

function readEntry(service: string, entry: unknown, refusals: Refusal[]): Instance | null {
  if (!isObject(entry) || !isObject(entry.Service)) {
    refusals.push(refusal(service, '', snippet(entry), 'the entry has no service'));
    return null;
  }
  const node: Json = isObject(entry.Node) ? entry.Node : {};
  const found = entry.Service;
  // Consul looks names up without case; an instance of `Web` belongs to `Web` alone.
  if (typeof found.Service === 'string' && found.Service !== service) return null;
  const nodeName = text(node.Node);
  const serviceId = text(found.ID);
  if (nodeName === '' || serviceId === '') {
    refusals.push(
      refusal(service, `${nodeName}/${serviceId}`, snippet(found.ID), 'no node name or service id'),
    );
    return null;
  }
  const id = `${nodeName}/${serviceId}`;
  const place = readPlace(service, id, found, node, refusals);
  if (place === null) return null;
  const checks = readChecks(entry.Checks, serviceId);
  return {
    id,
    service,
    serviceId,
    node: nodeName,
    ...place,
    tags: readTags(service, id, found.Tags, refusals),
    meta: readMeta(found.Meta),
    weights: readWeights(found.Weights),
    health: checks.reduce<Health>(
      (worst, c) => (SEVERITY[c.status] > SEVERITY[worst] ? c.status : worst),
      'passing',
    ),
    checks,
    createIndex: typeof found.CreateIndex === 'number' ? found.CreateIndex : 0,
  };
}

function readPlace(
  service: string,
  id: string,
  found: Json,
  node: Json,
  refusals: Refusal[],
): { readonly address: string; readonly port: number } | null {
  const own = text(found.Address);
  const given = own === '' ? text(node.Address) : own;
  const verdict = checkAddress(given);
  if (!verdict.ok) {
    refusals.push(refusal(service, id, `address ${snippet(given)}`, verdict.reason));
    return null;
  }
  const port = found.Port;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) {
    const reason = port === undefined || port === 0 ? 'no port is registered' : 'not a port';
    refusals.push(refusal(service, id, `port ${snippet(port)}`, reason));
    return null;
  }
  return { address: verdict.address, port };
}

function readTags(service: string, id: string, value: unknown, refusals: Refusal[]): readonly string[] {
  if (!Array.isArray(value)) return [];
  const tags: string[] = [];
  for (const tag of value.slice(0, MAX_TAGS) as readonly unknown[]) {
    const reason = whyNotTag(tag);
    if (reason === null) tags.push(tag as string);
    else refusals.push(refusal(service, id, snippet(tag), reason));
  }
  if (value.length > MAX_TAGS) {
    const reason = `more than ${MAX_TAGS} tags: the others are set aside`;
    refusals.push(refusal(service, id, `${value.length} tags`, reason));
  }
  return tags;
}

function whyNotTag(tag: unknown): string | null {
  if (typeof tag !== 'string') return 'the tag is not a text';
  if (tag.length >= MAX_TAG_CHARS) return `the tag is longer than ${MAX_TAG_CHARS} characters`;
  return UNPRINTABLE.test(tag) ? 'the tag contains control or invisible characters' : null;
}

function readMeta(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((e): e is [string, string] => typeof e[1] === 'string'),
  );
}

function readWeights(value: unknown): Instance['weights'] {
  const given: Json = isObject(value) ? value : {};
  return { passing: readWeight(given.Passing), warning: readWeight(given.Warning) };
}

/** 0 takes no new work; Consul's default is 1. */
function readWeight(value: unknown): number {
  if (typeof value !== 'number' || Number.isNaN(value)) return 1;
  return Math.min(MAX_WEIGHT, Math.max(0, Math.trunc(value)));
}

/** Checks of the node and of this instance, sorted by id. */
function readChecks(value: unknown, serviceId: string): readonly CheckFact[] {
  if (!Array.isArray(value)) return [];
  const checks: CheckFact[] = [];
  for (const check of value as readonly unknown[]) {
    if (!isObject(check)) continue;
    const owner = text(check.ServiceID);
    if (owner !== '' && owner !== serviceId) continue;
    const id = text(check.CheckID);
    checks.push({
      id,
      name: text(check.Name),
      status: readStatus(id, check.Status),
      output: text(check.Output).slice(0, MAX_OUTPUT_CHARS),
      isOfNode: owner === '',
    });
  }
  return checks.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A maintenance check exists only while maintenance lasts. A status nobody knows is not a good sign. */
function readStatus(id: string, status: unknown): Health {
  if (id === '_node_maintenance' || id.startsWith('_service_maintenance:')) return 'maintenance';
  return status === 'passing' || status === 'warning' ? status : 'critical';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Something to recognise the offender by, printable and short. */
function snippet(value: unknown): string {
  const shown =
    typeof value === 'string' ? value.slice(0, 80) : (JSON.stringify(value) ?? 'missing').slice(0, 80);
  return shown.replace(new RegExp(UNPRINTABLE, 'g'), '?');
}

function refusal(service: string, instance: string, shown: string, reason: string): Refusal {
  return { provider: 'consul', service, instance, text: shown, reason };
}
