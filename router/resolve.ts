import { fabioWeights } from './fabio-weights.ts';
import { endpointIdOf, type Member, ownWeight } from './members.ts';
import type { Balance, EndpointFact, Refusal, RouteOptions, Rule } from './model.ts';
import { compareText } from './table.ts';

/** One rule with everything that claims it, decided: who serves it, how, and what lost. */
export interface Resolved {
  readonly key: string;
  readonly rule: Rule;
  readonly options: RouteOptions;
  /** Services whose instances serve it; several only for Fabio's routes. */
  readonly services: readonly string[];
  readonly members: readonly Member[];
  readonly endpoints: readonly EndpointFact[];
  readonly balance: Balance;
  readonly redirectOnly: boolean;
  readonly text: string;
  readonly provider: Member['provider'];
  /** Claims that were overruled. Their instances may serve all the same. */
  readonly conflicts: readonly Refusal[];
}

const LEAST: Balance = { kind: 'least' };

/**
 * Decides a rule. Operators' static routes come before tags. Two services that claim one rule natively do not mix: the
 * first by name has it, whatever the order of registration. Fabio's users mix services on purpose, so there they share.
 * Within a service the newest registration says what the options are: a rolling deploy changes them, it never deletes.
 */
export function resolve(key: string, claims: readonly Member[]): Resolved | null {
  const first = [...claims].sort(byPrecedence)[0];
  if (!first) return null;
  const isShared = first.dialect === 'fabio';
  const members = isShared
    ? claims.filter((member) => member.dialect === 'fabio')
    : claims.filter((member) => member.service === first.service && member.provider === first.provider);
  const newest = members.reduce((best, member) => (isNewer(member, best) ? member : best));
  const { claim } = newest;
  return {
    key,
    rule: claim.rule,
    options: claim.options,
    services: [...new Set(members.map((member) => member.service))].sort(compareText),
    members,
    endpoints: claim.redirectOnly ? [] : endpointsOf(members, isShared),
    balance: claim.pool.balance ?? LEAST,
    redirectOnly: claim.redirectOnly,
    text: newest.text,
    provider: newest.provider,
    conflicts: conflictsOf(claims, members, newest),
  };
}

function byPrecedence(a: Member, b: Member): number {
  return rank(a) - rank(b) || compareText(a.service, b.service) || compareText(a.instance, b.instance);
}

function rank(member: Member): number {
  return member.provider === 'file' ? 0 : 1;
}

function isNewer(a: Member, b: Member): boolean {
  return a.age > b.age || (a.age === b.age && compareText(a.instance, b.instance) > 0);
}

function endpointsOf(members: readonly Member[], isShared: boolean): EndpointFact[] {
  const accepted = members.filter((member) => member.isAccepted && !member.claim.redirectOnly);
  const weights = weightsOf(accepted, isShared);
  const byId = new Map<string, EndpointFact>();
  accepted.forEach((member, i) => {
    const id = endpointIdOf(member);
    // Two registrations of one address are one place to dial.
    if (byId.has(id)) return;
    byId.set(id, {
      id,
      address: member.address,
      port: member.port,
      protocol: member.claim.pool.protocol,
      weight: weights[i]!,
      instance: member.instance,
    });
  });
  return [...byId.values()].sort((a, b) => compareText(a.id, b.id));
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
    const reason = !chosen.has(member)
      ? `${newest.service} has this route: it comes first by name`
      : optionsText(member) === wanted
        ? null
        : `the newer registration ${newest.instance} says otherwise`;
    if (reason === null) continue;
    const { provider, service, instance, text } = member;
    conflicts.push({ provider, service, instance, text, reason });
  }
  return conflicts;
}

function optionsText(member: Member): string {
  const { rule, options, pool, redirectOnly } = member.claim;
  return JSON.stringify([rule.priority, options, pool.balance, pool.protocol, redirectOnly]);
}
