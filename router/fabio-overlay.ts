import type { Weight } from './claim.ts';
import type { AddCommand, DelCommand, FabioCommand, WeightCommand } from './fabio-commands.ts';
import { endpointIdOf, keyOf, type Member } from './members.ts';
import { streamKey } from './stream.ts';
import type { Target } from './target.ts';

/** A command with the rules it is about; null when it is about every rule. */
export interface KeyedCommand {
  readonly keys: readonly string[] | null;
  readonly command: FabioCommand;
}

export function keyed(command: FabioCommand): KeyedCommand {
  if (command.kind === 'add') return { keys: [keyOf(command.claim.rule)], command };
  return { keys: command.target === null ? null : keysOfTarget(command.target), command };
}

/**
 * Fabio's KV commands over what the tags gave, for one rule. They run from top to bottom: they can add a target, take
 * targets away or give them a share of the traffic (Fabio, "Routing Table Configuration").
 */
export function overlay(
  key: string,
  found: readonly Member[],
  commands: readonly KeyedCommand[],
): readonly Member[] {
  let members = found;
  for (const { keys, command } of commands) {
    if (keys !== null && !keys.includes(key)) continue;
    switch (command.kind) {
      case 'add':
        members = add(members, command);
        break;
      case 'del':
        members = members.filter((member) => !isDeleted(member, command));
        break;
      case 'weight':
        members = weigh(members, command);
        break;
    }
  }
  return members;
}

function add(members: readonly Member[], command: AddCommand): readonly Member[] {
  const { service, endpoint, claim, source } = command;
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
    isGone: false,
    hasConsulCheck: false,
    age: 0,
    tags: command.tags,
    weighedBy: null,
  };
  return [...members, added];
}

function isDeleted(member: Member, command: DelCommand): boolean {
  if (member.dialect !== 'fabio') return false;
  if (command.service !== null && member.service !== command.service) return false;
  if (command.destination !== null) {
    const { endpoint } = command;
    if (endpoint === null) return member.claim.redirectOnly;
    if (member.address !== endpoint.address || member.port !== endpoint.port) return false;
  }
  return hasAll(member, command.tags);
}

function weigh(members: readonly Member[], command: WeightCommand): readonly Member[] {
  const matches = (member: Member): boolean =>
    member.dialect === 'fabio' &&
    (command.service === null || member.service === command.service) &&
    hasAll(member, command.tags);
  // The value is for all matches together, as far as they take traffic.
  const serving = members.filter((member) => member.isAccepted && matches(member));
  const count = Math.max(1, new Set(serving.map(endpointIdOf)).size);
  const weight: Weight =
    command.weight.kind === 'fraction'
      ? { kind: 'fraction', value: command.weight.value / count }
      : command.weight;
  return members.map((member) => (matches(member) ? weighed(member, weight, command.source.text) : member));
}

function weighed(member: Member, weight: Weight, weighedBy: string): Member {
  const { claim } = member;
  return { ...member, claim: { ...claim, pool: { ...claim.pool, weight } }, weighedBy };
}

function hasAll(member: Member, tags: readonly string[]): boolean {
  return tags.every((tag) => member.tags.includes(tag));
}

/** A source does not say whether its target speaks HTTP: a host alone may as well be a TLS name. */
function keysOfTarget({ host, path, stream }: Target): readonly string[] {
  if (stream) return [streamKey(host, stream)];
  const key = `${host}${path} prefix`;
  return path === '/' && host !== '' ? [key, streamKey(host, { kind: 'sni', port: null })] : [key];
}
