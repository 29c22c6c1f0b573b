import { checkOf, type EndpointCheck } from './active-checks.ts';
import { fabioWeights } from './fabio-weights.ts';
import { compareText } from './host-routes.ts';
import { endpointIdOf, type Member, ownWeight } from './members.ts';
import type { Balance, EndpointFact, Refusal, RouteOptions, Rule } from './model.ts';
import { tlsOf } from './upstream-tls.ts';

/** One rule with everything that claims it, decided: who serves it, how, and what lost. */
export interface Resolved {
  readonly key: string;
  readonly rule: Rule;
  readonly options: RouteOptions;
  /** Services whose instances serve it; several only for Fabio's routes. */
  readonly services: readonly string[];
  readonly members: readonly Member[];
  readonly endpoints: readonly EndpointFact[];
  /** Of the members that take traffic, or would if their check did not fail. */
  readonly checks: readonly EndpointCheck[];
  readonly balance: Balance;
  readonly maxconn: number | null;
  readonly redirectOnly: boolean;
  readonly text: string;
  readonly provider: Member['provider'];
  /** Claims that were overruled. Their instances may serve all the same. */
  readonly conflicts: readonly Refusal[];
}

const LEAST: Balance = { kind: 'least' };

/**
 * Decides a rule, whatever the order of its claims. Operators' static routes come before tags. Two services that claim one
 * rule natively do not mix: the first by name has it; one that left the catalog stands back. Fabio's users mix services on
 * purpose, so there they share. Within a service the newest registration says what the options are: a rolling deploy
 * changes them, it never deletes. What fails a check of the router's own (`isDown`, by its id) takes no traffic.
 */
export function resolve(
  key: string,
  claims: readonly Member[],
  isDown: (check: string) => boolean = () => false,
): Resolved | null {
  const sorted = [...claims].sort(byPrecedence);
  const [first] = sorted;
  if (!first) return null;
  const isShared = first.dialect === 'fabio';
  const members = isShared
    ? sorted
    : sorted.filter((member) => member.service === first.service && member.provider === first.provider);
  const newest = members.reduce((best, member) => (isNewer(member, best) ? member : best));
  const { claim } = newest;
  const accepted = claim.redirectOnly ? [] : acceptedOf(members);
  const checks = new Map(accepted.map((member) => [member, checkOf(member)]));
  const serving = accepted.filter((member) => !isDown(checks.get(member)?.check?.id ?? ''));
  return {
    key,
    rule: claim.rule,
    options: claim.options,
    services: [...new Set(members.map((member) => member.service))].sort(compareText),
    members,
    endpoints: endpointsOf(serving, isShared),
    checks: [...checks.values()].filter((check) => check !== null),
    balance: claim.pool.balance ?? LEAST,
    maxconn: claim.pool.maxconn,
    redirectOnly: claim.redirectOnly,
    text: newest.text,
    provider: newest.provider,
    conflicts: conflictsOf(sorted, members, newest),
  };
}

function byPrecedence(a: Member, b: Member): number {
  return (
    rank(a) - rank(b) ||
    compareText(a.service, b.service) ||
    compareText(a.instance, b.instance) ||
    compareText(a.text, b.text)
  );
}

function rank(member: Member): number {
  if (member.provider === 'file') return 0;
  return member.isGone ? 2 : 1;
}

function isNewer(a: Member, b: Member): boolean {
  if (a.isGone !== b.isGone) return b.isGone;
  return (a.age - b.age || compareText(a.instance, b.instance) || compareText(a.text, b.text)) > 0;
}

/** Those that Consul and the operator let take traffic, one for each place to dial. */
function acceptedOf(members: readonly Member[]): Member[] {
  const byId = new Map<string, Member>();
  for (const member of members) {
    if (!member.isAccepted || member.claim.redirectOnly) continue;
    const id = endpointIdOf(member);
    const known = byId.get(id);
    // Two registrations of one address are one place to dial.
    if (!known || isNewer(member, known)) byId.set(id, member);
  }
  return [...byId.values()];
}

function endpointsOf(members: readonly Member[], isShared: boolean): EndpointFact[] {
  const weights = weightsOf(members, isShared);
  return members
    .map((member, i) => ({
      id: endpointIdOf(member),
      address: member.address,
      port: member.port,
      protocol: member.claim.pool.protocol,
      ...tlsFact(member),
      weight: weights[i]!,
      instance: member.instance,
    }))
    .sort((a, b) => compareText(a.id, b.id));
}

function tlsFact(member: Member): Pick<EndpointFact, 'tls'> {
  const tls = tlsOf(member);
  return tls === null ? {} : { tls };
}

function weightsOf(members: readonly Member[], isShared: boolean): readonly number[] {
  const hasShares = isShared && members.some((member) => member.claim.pool.weight.kind === 'fraction');
  if (!hasShares) return members.map(ownWeight);
  return fabioWeights(
    members.map(({ claim: { pool } }) => (pool.weight.kind === 'fraction' ? pool.weight.value : null)),
  );
}

function conflictsOf(claims: readonly Member[], members: readonly Member[], newest: Member): Refusal[] {
  const chosen = new Set(members);
  const wanted = optionsText(newest);
  const conflicts: Refusal[] = [];
  for (const member of claims) {
    const { provider, service, instance, text } = member;
    const isOther = !chosen.has(member) && service !== newest.service;
    if (member.isGone || (!isOther && optionsText(member) === wanted)) continue;
    const reason = chosen.has(member) ? whyOlder(member, newest) : whyBeaten(newest);
    conflicts.push({ provider, service, instance, text, reason });
  }
  return conflicts;
}

/**
 * Server names on a port that a plain route has: it takes every connection at once, since what waits for the server to
 * speak first cannot be read beforehand.
 */
export function portConflicts(resolved: readonly Resolved[]): Refusal[] {
  const plain = new Map<number, Resolved>();
  for (const entry of resolved) {
    const { stream } = entry.rule;
    if (stream?.kind === 'tcp') plain.set(stream.port, entry);
  }
  return resolved.flatMap((entry) => {
    const { stream } = entry.rule;
    const winner = stream?.kind === 'sni' && stream.port !== null ? plain.get(stream.port) : undefined;
    if (winner === undefined) return [];
    const reason = `${winner.text} of ${winner.services.join('+')} takes every connection to this port`;
    return entry.members.map(({ provider, service, instance, text }) => ({
      ...{ provider, service, instance, text, reason },
    }));
  });
}

function whyOlder(member: Member, newest: Member): string {
  if (member.instance === newest.instance) return `${newest.text} of the same instance says otherwise`;
  return `the newer registration ${newest.instance} says otherwise`;
}

function whyBeaten(winner: Member): string {
  if (winner.provider === 'file') return `the static route ${winner.text} comes first`;
  return `${winner.service} has this route: it comes first by name`;
}

function optionsText(member: Member): string {
  const { rule, options, pool, redirectOnly } = member.claim;
  return JSON.stringify([rule.priority, options, pool.balance, pool.maxconn, pool.protocol, redirectOnly]);
}
