import type { Member } from '../../../router/members.ts';
import type { Health, Instance, Pool, Refusal } from '../../../router/model.ts';
import type { Resolved } from '../../../router/resolve.ts';
import type { Standing } from '../checks/checker.ts';

/** An instance that is registered and takes no traffic of this route, with one reason of what may be several. */
export interface Excluded {
  readonly instance: string;
  /** What decided: a check by its name, a tag as it is written; null where it is neither. */
  readonly check: string | null;
  /** Consul's state of the check, or what it is in one word. */
  readonly status: Health | 'refused' | 'overruled' | 'untagged' | 'weight-0' | 'duplicate' | 'deregistered';
  readonly output: string;
}

export interface ExcludedSources {
  readonly catalog: ReadonlyMap<string, readonly Instance[]>;
  readonly accepts: (health: Health) => boolean;
  readonly refusals: readonly Refusal[];
  /** How a check of the router's own stands. */
  readonly standing: (check: string) => Standing | undefined;
}

const MAX_EXCLUDED = 500;
const MAX_OUTPUT_CHARS = 1_000;

/** Who of the services behind a rule is left out, and why. */
export function excludedOf(resolved: Resolved, pool: Pool | null, sources: ExcludedSources): Excluded[] {
  if (resolved.redirectOnly) return [];
  const weights = new Map(pool?.endpoints.map(({ instance, weight }) => [instance, weight]));
  const found: Excluded[] = resolved.members.filter(({ isGone }) => isGone).map(deregistered);
  for (const service of resolved.services) {
    const instances = sources.catalog.get(service) ?? [];
    for (const instance of instances) {
      const weight = weights.get(instance.id);
      if (weight === undefined) found.push(...whyOut(instance, resolved, sources));
      else if (weight === 0)
        found.push(entry(instance.id, null, 'weight-0', 'its weight is 0: it takes no new work'));
    }
    const known = new Set(instances.map(({ id }) => id));
    // What could not even be read as an instance.
    found.push(
      ...refusedOf(sources, (refusal) => refusal.service === service && !known.has(refusal.instance)),
    );
  }
  for (const { service, instance, text, reason } of resolved.conflicts)
    if (!resolved.services.includes(service)) found.push(entry(instance, text, 'overruled', reason));
  return found.slice(0, MAX_EXCLUDED);
}

/** Tags and lines that were set aside and speak of this host: what somebody looks for who finds no route. */
export function refusedFor(host: string, sources: ExcludedSources): Excluded[] {
  return refusedOf(sources, ({ text }) => text.toLowerCase().includes(host)).slice(0, MAX_EXCLUDED);
}

function whyOut(instance: Instance, resolved: Resolved, sources: ExcludedSources): Excluded[] {
  const { id, service, address, port } = instance;
  const isIt = (member: Member): boolean => member.service === service && member.instance === id;
  const reasons: Excluded[] = [];
  const member = resolved.members.find(isIt);
  if (member?.claim.redirectOnly)
    reasons.push(entry(id, member.text, 'overruled', 'it redirects, the route does not'));
  if (member === undefined) {
    const refused = refusedOf(sources, (refusal) => refusal.service === service && refusal.instance === id);
    const untagged = entry(
      id,
      null,
      'untagged',
      'no tag of it asks for this route, or a KV line takes it out',
    );
    reasons.push(...(refused.length > 0 ? refused : [untagged]));
  }
  if (!sources.accepts(instance.health)) reasons.push(...failingChecks(instance, sources));
  for (const { instance: of, check } of resolved.checks) {
    const standing = of === id && check !== null ? sources.standing(check.id) : undefined;
    if (standing?.isUp === false)
      reasons.push(entry(id, `fairlead: GET ${check!.path}`, 'critical', standing.output ?? ''));
  }
  if (reasons.length > 0) return reasons;
  return [entry(id, null, 'duplicate', `another registration stands for ${address}:${port}`)];
}

function failingChecks({ id, health, checks }: Instance, { accepts }: ExcludedSources): Excluded[] {
  const failing = checks.filter(({ status }) => !accepts(status));
  if (failing.length === 0) return [entry(id, null, health, '')];
  return failing.map(({ id: check, name, status, output }) => entry(id, name || check, status, output));
}

function refusedOf({ refusals }: ExcludedSources, isMeant: (refusal: Refusal) => boolean): Excluded[] {
  return refusals
    .filter(isMeant)
    .map(({ instance, text, reason }) => entry(instance, text, 'refused', reason));
}

function deregistered({ instance }: Member): Excluded {
  return entry(
    instance,
    null,
    'deregistered',
    'its service left the catalog; its hosts answer 503 for a while',
  );
}

function entry(instance: string, check: string | null, status: Excluded['status'], output: string): Excluded {
  return { instance, check, status, output: output.slice(0, MAX_OUTPUT_CHARS) };
}
