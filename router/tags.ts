/** Reads one tag of one instance, in whichever dialect it is written. */

import { type Claim, quote, type Read, read, refused, type TagResult, unreadable } from './claim.ts';
import { readFabioTag } from './fabio.ts';
import type { Rule } from './model.ts';
import { type OptionSet, readOptions } from './options.ts';
import { misplacedOption, streamRule } from './stream.ts';
import { cutTrailingSlash, parseTarget, type Target } from './target.ts';
import { usesTls } from './upstream-tls.ts';

export type { Claim, PoolOptions, TagResult, Weight } from './claim.ts';

const PREFIX = 'fairlead:';
const IGNORED: TagResult = { kind: 'ignored' };

/** The tag languages to read; one that is off leaves its tags ignored. */
export interface Dialects {
  readonly fairlead: boolean;
  /** Null switches Fabio's dialect off, and so does an empty prefix. Usual: `urlprefix-`. */
  readonly fabio: { readonly prefix: string } | null;
}

/** What a tag may refer to. */
export interface TagContext {
  /** The local datacenter, for `$DC` in Fabio's tags. */
  readonly datacenter: string;
}

/**
 * What a tag asks for. Tags of other programs are `ignored`, cheaply; a tag of ours that does not parse is
 * `refused` with a reason for its operator. Never throws, whatever the text.
 */
export function readTag(tag: string, dialects: Dialects, context: TagContext): TagResult {
  if (dialects.fairlead && startsWithPrefix(tag, PREFIX)) {
    return result(readNativeTag(tag), 'fairlead');
  }
  const prefix = dialects.fabio?.prefix ?? '';
  if (prefix !== '' && startsWithPrefix(tag, prefix)) {
    return result(readFabioTag(tag, prefix, context.datacenter), 'fabio');
  }
  return IGNORED;
}

/** Reads a native rule without its prefix, as static routes are written. */
export function readRule(text: string): Read<Claim> {
  const problem = unreadable(text, { tabs: false });
  return problem === null ? parseRule(text) : refused(problem);
}

function readNativeTag(tag: string): Read<Claim> {
  if (!tag.startsWith(PREFIX)) return refused(`there is white space before ${quote(PREFIX)}`);
  const problem = unreadable(tag, { tabs: false });
  return problem === null ? parseRule(tag.slice(PREFIX.length)) : refused(problem);
}

function parseRule(text: string): Read<Claim> {
  const [first = '', ...words] = text.split(' ');
  const target = parseTarget(first);
  if (!target.ok) return target;
  const given = words.filter((word) => word !== '');
  const options = readOptions(given, target.value.path);
  if (!options.ok) return options;
  const { stream } = target.value;
  const names = given.map((word) => word.split('=', 1)[0]!);
  const problem =
    misplacedOption(stream, names) ?? (stream ? hashProblem(options.value) : tlsProblem(options.value));
  return problem ? refused(problem) : read(toClaim(target.value, options.value));
}

/** Bytes that are passed on unread have an address, and nothing else to hash. */
function hashProblem({ balance }: OptionSet): string | null {
  if (balance?.kind !== 'hash' || balance.on === 'ip') return null;
  return `balance=hash:${balance.on}: needs HTTP; write hash:ip`;
}

/** What says how an instance is to prove itself would say nothing, and promise something, where no TLS is spoken. */
function tlsProblem({ protocol, route }: OptionSet): string | null {
  if (usesTls(protocol)) return null;
  const name = route.insecure ? 'insecure' : route.serverName === undefined ? null : 'servername';
  return name === null ? null : `option ${name} needs proto=https or proto=h2`;
}

function toClaim(target: Target, options: OptionSet): Claim {
  return {
    rule: toRule(target, options),
    options: options.route,
    pool: {
      protocol: protocolOf(target.stream) ?? options.protocol,
      balance: options.balance,
      weight: options.weight,
      maxconn: options.maxconn,
      ...(options.check !== null && { check: options.check }),
    },
    redirectOnly: options.route.redirect !== undefined,
  };
}

function protocolOf(stream: Target['stream']): 'tcp' | 'udp' | null {
  if (stream === undefined) return null;
  return stream.kind === 'udp' ? 'udp' : 'tcp';
}

function toRule(target: Target, options: OptionSet): Rule {
  const { host, path, stream } = target;
  if (stream) return streamRule({ host, path, stream }, sortedOrNull(options.listeners));
  return {
    host: target.host,
    path: options.isExact ? target.path : cutTrailingSlash(target.path),
    match: options.isExact ? 'exact' : 'segment',
    methods: sortedOrNull(options.methods),
    listeners: sortedOrNull(options.listeners),
    priority: options.priority,
  };
}

function sortedOrNull(names: readonly string[]): readonly string[] | null {
  return names.length === 0 ? null : [...new Set(names)].sort();
}

/** White space in front is looked through only when there is some: most tags are somebody else's. */
function startsWithPrefix(tag: string, prefix: string): boolean {
  if (tag.startsWith(prefix)) return true;
  return tag.charCodeAt(0) <= 0x20 && tag.trimStart().startsWith(prefix);
}

function result(claim: Read<Claim>, dialect: 'fairlead' | 'fabio'): TagResult {
  return claim.ok
    ? { kind: 'claim', claim: claim.value, dialect }
    : { kind: 'refused', reason: claim.reason };
}
