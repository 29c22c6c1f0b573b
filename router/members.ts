import type { Claim } from './claim.ts';
import type { Health, Instance, Refusal, RouteSource, Rule } from './model.ts';
import { type PortPolicy, whyStreamRefused } from './ports.ts';
import { streamKey } from './stream.ts';
import { type Dialects, readTag } from './tags.ts';
import { tlsOf } from './upstream-tls.ts';

/** One instance's part in one route: a tag, a static line or a KV line that names it. */
export interface Member {
  readonly provider: RouteSource['provider'];
  readonly dialect: 'fairlead' | 'fabio';
  readonly service: string;
  /** Instance id; for lines without one, the address. */
  readonly instance: string;
  readonly address: string;
  readonly port: number;
  readonly claim: Claim;
  readonly text: string;
  /** Weight when the claim gives none: Consul's, for the present health. */
  readonly weight: number;
  /** Takes traffic: registered, and in a state that the operator accepts. */
  readonly isAccepted: boolean;
  /** Its service left the catalog and is remembered for a while, so that its hosts answer 503. */
  readonly isGone: boolean;
  /** Consul checks this very instance, and so decides alone whether it is well. */
  readonly hasConsulCheck: boolean;
  /** Higher is newer; the newest says what the route's options are. */
  readonly age: number;
  /** The instance's other tags, which Fabio's commands can match. */
  readonly tags: readonly string[];
  /** The KV line that set its weight; null when the claim's own stands. */
  readonly weighedBy: string | null;
}

/** What a service's tags ask for, by rule. */
export interface Reading {
  readonly members: ReadonlyMap<string, readonly Member[]>;
  readonly refused: readonly Refusal[];
  /** Ids of the instances that ask for traffic: a route that all of them share has the service's own pool. */
  readonly claiming: ReadonlySet<string>;
}

export interface Policy extends PortPolicy {
  readonly dialects: Dialects;
  readonly datacenter: string;
  readonly accepts: (health: Health) => boolean;
  /** Names of the HTTP listeners there are. */
  readonly listeners: readonly string[];
}

/** Consul accepts any number; beyond this a share means nothing. */
const MAX_WEIGHT = 65_535;

/** Reads all tags of a service's instances. `isGone` keeps the routes of a service that left, without instances. */
export function readService(
  service: string,
  instances: readonly Instance[],
  policy: Policy,
  isGone = false,
): Reading {
  const members = new Map<string, Member[]>();
  const refused: Refusal[] = [];
  const claiming = new Set<string>();
  for (const instance of instances) {
    for (const text of instance.tags) {
      const result = readTag(text, policy.dialects, policy);
      if (result.kind === 'ignored') continue;
      if (result.kind === 'refused') {
        refused.push({ provider: 'consul', service, instance: instance.id, text, reason: result.reason });
        continue;
      }
      const { claim } = result;
      // A port without a service is closed; a host that is remembered answers 503.
      if (isGone && claim.rule.stream !== undefined) continue;
      const unserved = whyUnserved(claim, policy);
      if (unserved !== null) {
        refused.push({ provider: 'consul', service, instance: instance.id, text, reason: unserved });
        continue;
      }
      if (!claim.redirectOnly) claiming.add(instance.id);
      addMember(members, {
        provider: 'consul',
        dialect: result.dialect,
        service,
        instance: instance.id,
        address: instance.address,
        port: instance.port,
        claim,
        text,
        weight: instance.health === 'warning' ? instance.weights.warning : instance.weights.passing,
        isAccepted: !isGone && policy.accepts(instance.health),
        isGone,
        hasConsulCheck: hasConsulCheck(instance),
        age: instance.createIndex,
        tags: instance.tags,
        weighedBy: null,
      });
    }
  }
  return { members, refused, claiming };
}

/** A check of its own, that is: not its node's, and not the mark of maintenance. */
export function hasConsulCheck({ checks }: Instance): boolean {
  return checks.some(({ isOfNode, status }) => !isOfNode && status !== 'maintenance');
}

function addMember(members: Map<string, Member[]>, member: Member): void {
  const key = keyOf(member.claim.rule);
  const list = members.get(key);
  if (list) list.push(member);
  else members.set(key, [member]);
}

/**
 * Null when this version, with these listeners and ports, can do what the claim asks for. `isOwn`: the operator wrote it,
 * who may open any port.
 */
export function whyUnserved(
  { rule, options }: Claim,
  policy: Pick<Policy, 'listeners'> & PortPolicy,
  isOwn = false,
): string | null {
  const { listeners } = policy;
  if (rule.stream !== undefined) return whyStreamRefused(rule.stream, rule, isOwn, policy);
  if (options.sticky !== undefined) return 'option sticky is not served by this version';
  if (rule.listeners === null || rule.listeners.some((name) => listeners.includes(name))) return null;
  const known = listeners.length === 0 ? 'there is none' : `there is ${listeners.join(', ')}`;
  return `listener=${rule.listeners.join(',')}: no http listener has this name; ${known}`;
}

/** A rule as text: the identity of a route. */
export function keyOf(rule: Rule): string {
  let key = rule.stream ? streamKey(rule.host, rule.stream) : rule.host + rule.path;
  if (rule.match !== 'segment') key += rule.match === 'exact' ? ' exact' : ' prefix';
  const methods = rule.methods?.join(',');
  // Lower-case methods exist; a comma keeps these two from reading like a match.
  if (methods) key += methods === 'exact' || methods === 'prefix' ? ` ${methods},` : ` ${methods}`;
  if (rule.listeners) key += ` @${rule.listeners.join(',')}`;
  return key;
}

/** The weight a member brings by itself; Fabio's shares are worked out over the whole route instead. */
export function ownWeight(member: Member): number {
  const { weight } = member.claim.pool;
  const value = weight.kind === 'relative' ? weight.value : member.weight;
  return Math.min(MAX_WEIGHT, Math.max(0, value));
}

/** `service@address:port`; what is dialled differently is another endpoint. */
export function endpointIdOf(member: Member): string {
  const { service, address, port, claim } = member;
  const { protocol } = claim.pool;
  const id = `${service}@${authorityOf(address, port)}${protocol === 'http' ? '' : `/${protocol}`}`;
  const tls = tlsOf(member);
  if (tls === null) return id;
  return `${id}${tls.name === address ? '' : `:${tls.name}`}${tls.isInsecure ? ':insecure' : ''}`;
}

/** `address:port`, with an IPv6 address in brackets. */
export function authorityOf(address: string, port: number): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
