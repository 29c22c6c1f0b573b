import type { AddCommand, DelCommand, FabioCommand, WeightCommand } from './fabio-commands.ts';
import { keyOf, type Member, whyUnserved } from './members.ts';
import type { Target } from './target.ts';

/**
 * Fabio's KV commands over what the tags gave, for one rule. They run from top to bottom: they can add a target, take
 * targets away or give them a share of the traffic (Fabio, "Routing Table Configuration").
 */
export function overlay(
  key: string,
  found: readonly Member[],
  commands: readonly FabioCommand[],
): readonly Member[] {
  let members = found;
  for (const command of commands) {
    switch (command.kind) {
      case 'add':
        if (keyOf(command.claim.rule) === key) members = add(members, command);
        break;
      case 'del':
        members = members.filter((member) => !isDeleted(key, member, command));
        break;
      case 'weight':
        if (keyOfTarget(command.target) === key) members = weigh(members, command);
        break;
    }
  }
  return members;
}

/** Rules that exist because a line adds them. */
export function addedKeys(commands: readonly FabioCommand[]): Set<string> {
  const keys = new Set<string>();
  for (const command of commands) if (command.kind === 'add') keys.add(keyOf(command.claim.rule));
  return keys;
}

function add(members: readonly Member[], command: AddCommand): readonly Member[] {
  const { service, endpoint, claim, source } = command;
  if (whyUnserved(claim) !== null) return members;
  const address = endpoint?.address ?? '';
  const port = endpoint?.port ?? 0;
  const isKnown = members.some(
    (member) => member.service === service && member.address === address && member.port === port,
  );
  if (isKnown) return members;
  const added: Member = {
    provider: 'kv',
    dialect: 'fabio',
    service,
    instance: `${source.key}:${source.line}`,
    address,
    port,
    claim,
    text: source.text,
    weight: 1,
    isAccepted: true,
    age: 0,
    tags: command.tags,
  };
  return [...members, added];
}

function isDeleted(key: string, member: Member, command: DelCommand): boolean {
  if (member.dialect !== 'fabio') return false;
  if (command.service !== null && member.service !== command.service) return false;
  if (command.target !== null && keyOfTarget(command.target) !== key) return false;
  if (command.destination !== null) {
    const { endpoint } = command;
    if (endpoint === null) return member.claim.redirectOnly;
    if (member.address !== endpoint.address || member.port !== endpoint.port) return false;
  }
  return hasAll(member, command.tags);
}

function weigh(members: readonly Member[], command: WeightCommand): readonly Member[] {
  const { weight } = command;
  const matches = (member: Member): boolean =>
    member.dialect === 'fabio' &&
    (command.service === null || member.service === command.service) &&
    hasAll(member, command.tags);
  const count = members.filter(matches).length;
  if (count === 0 || weight.kind === 'relative') return members;
  // The value is for all matches together.
  const share = weight.kind === 'fraction' ? { kind: weight.kind, value: weight.value / count } : weight;
  return members.map((member) =>
    matches(member)
      ? { ...member, claim: { ...member.claim, pool: { ...member.claim.pool, weight: share } } }
      : member,
  );
}

function hasAll(member: Member, tags: readonly string[]): boolean {
  return tags.every((tag) => member.tags.includes(tag));
}

function keyOfTarget(target: Target): string {
  return `${target.host}${target.path} prefix`;
}
