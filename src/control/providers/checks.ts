import { BadAnswer, isObject, parseJson } from './fault.ts';

/** One check of `/v1/health/state/:state`, as far as comparing needs it. */
interface CheckPlace {
  readonly node: string;
  /** Empty for a check of the node itself. */
  readonly service: string;
}

/** Checks by node and check id, which is unique on its node. */
export type Checks = ReadonlyMap<string, CheckPlace>;

export interface Touched {
  readonly services: ReadonlySet<string>;
  readonly nodes: ReadonlySet<string>;
}

/** Reads the list of the checks in one state. */
export function readChecks(body: Buffer): Checks {
  const checks = new Map<string, CheckPlace>();
  for (const check of entries(body)) {
    checks.set(`${check.node}\0${check.id}`, { node: check.node, service: check.service });
  }
  return checks;
}

/** Whom the checks that came or went belong to. What else changed in a check, such as its output, does not count. */
export function touchedBy(before: Checks, after: Checks): Touched {
  const services = new Set<string>();
  const nodes = new Set<string>();
  const touch = (place: CheckPlace): void => {
    if (place.service === '') nodes.add(place.node);
    else services.add(place.service);
  };
  for (const [key, place] of after) {
    const old = before.get(key);
    if (old === undefined) touch(place);
    else if (old.service !== place.service) [old, place].forEach(touch);
  }
  for (const [key, place] of before) if (!after.has(key)) touch(place);
  return { services, nodes };
}

/** A number per service that changes when its set of checks does; the order of the answer does not matter. */
export function checkSignatures(body: Buffer): ReadonlyMap<string, number> {
  const signatures = new Map<string, number>();
  for (const { node, id, service, status } of entries(body)) {
    if (service === '') continue;
    signatures.set(service, (signatures.get(service) ?? 0) + fnv1a(`${node}\0${id}\0${status}`));
  }
  return signatures;
}

function* entries(body: Buffer): Generator<{ node: string; id: string; service: string; status: string }> {
  const answer = parseJson(body);
  if (!Array.isArray(answer)) throw new BadAnswer('checks: not a list');
  for (const check of answer as readonly unknown[]) {
    if (!isObject(check) || typeof check.Node !== 'string' || typeof check.CheckID !== 'string') continue;
    yield {
      node: check.Node,
      id: check.CheckID,
      service: typeof check.ServiceName === 'string' ? check.ServiceName : '',
      status: String(check.Status),
    };
  }
}

/** Fowler–Noll–Vo, 32 bit: only tells differences between two answers of the same source. */
function fnv1a(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
