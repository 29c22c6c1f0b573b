/**
 * Fabio's route commands, as its KV tree holds them (Fabio, "Routing Table Configuration"):
 *
 *     route add SVC SRC DST [ weight F ] [ tags "t1,t2" ] [ opts "k=v k2=v2" ]
 *     route del SVC [ SRC [ DST ] ]  |  route del SVC tags "t1"  |  route del tags "t1"
 *     route weight SVC SRC weight F [ tags "t1" ]  |  route weight SRC weight F tags "t1"
 *
 * In Fabio one bad line stops every update. Here it is set aside, and the others apply.
 */

import { type Claim, quote, type Read, read, refused, unreadable, type Weight } from './claim.ts';
import {
  type FabioOptions,
  parseFabioOptions,
  parseFabioSource,
  parseShare,
  readFabioRoute,
  readFabioStream,
  toFabioClaim,
} from './fabio.ts';
import { normaliseHost, parsePort } from './hosts.ts';
import type { UpstreamProtocol } from './model.ts';
import { parseLocation, type Target } from './target.ts';
import { usesTls } from './upstream-tls.ts';

/** One KV entry: its key and its text of any number of lines. */
export interface FabioEntry {
  readonly key: string;
  readonly text: string;
}

/** Where a line stands. */
export interface LineSource {
  readonly key: string;
  /** Counted from 1. */
  readonly line: number;
  /** The line, trimmed. */
  readonly text: string;
}

export interface FabioEndpoint {
  readonly protocol: UpstreamProtocol;
  /** An IP address without brackets, or a host name in lower case. */
  readonly address: string;
  readonly port: number;
}

export interface AddCommand {
  readonly kind: 'add';
  readonly service: string;
  readonly claim: Claim;
  /** Null when the route redirects. */
  readonly endpoint: FabioEndpoint | null;
  /** DST as written. */
  readonly destination: string;
  readonly tags: readonly string[];
  readonly source: LineSource;
}

/** Takes away what matches every part that is given. */
export interface DelCommand {
  readonly kind: 'del';
  readonly service: string | null;
  readonly target: Target | null;
  /** DST as written, and the endpoint it names; that is null for what can only be a redirect. */
  readonly destination: string | null;
  readonly endpoint: FabioEndpoint | null;
  /** All of them must be present. */
  readonly tags: readonly string[];
  readonly source: LineSource;
}

/** Gives a share to all matches together, in place of the shares they had. */
export interface WeightCommand {
  readonly kind: 'weight';
  readonly service: string | null;
  readonly target: Target;
  readonly weight: Weight;
  readonly tags: readonly string[];
  readonly source: LineSource;
}

export type FabioCommand = AddCommand | DelCommand | WeightCommand;

export interface FabioProgram {
  /** In the order of execution. */
  readonly commands: readonly FabioCommand[];
  readonly refused: readonly (LineSource & { readonly reason: string })[];
}

/** Reads entries in the order given (Fabio: by key), line by line; comments and blank lines are skipped. */
export function parseFabioCommands(entries: readonly FabioEntry[]): FabioProgram {
  const commands: FabioCommand[] = [];
  const setAside: (LineSource & { reason: string })[] = [];
  for (const { key, text } of entries) {
    for (const [index, raw] of text.split('\n').entries()) {
      const line = raw.trim();
      if (line === '' || line.startsWith('#') || line.startsWith('//')) continue;
      const source = { key, line: index + 1, text: line };
      const command = parseLine(line, source);
      if (command.ok) commands.push(command.value);
      else setAside.push({ ...source, reason: command.reason });
    }
  }
  return { commands, refused: setAside };
}

interface Word {
  readonly text: string;
  readonly isQuoted: boolean;
}

function parseLine(line: string, source: LineSource): Read<FabioCommand> {
  const problem = unreadable(line, { tabs: true });
  if (problem !== null) return refused(problem);
  const words = splitWords(line);
  if (!words.ok) return words;
  const [route, verb, ...rest] = words.value;
  if (route?.text === 'route' && verb?.text === 'add') return parseAdd(rest, source);
  if (route?.text === 'route' && verb?.text === 'del') return parseDel(rest, source);
  if (route?.text === 'route' && verb?.text === 'weight') return parseWeight(rest, source);
  return refused('a line starts with "route add", "route del" or "route weight"');
}

/** Words between white space; a quoted one may hold white space but no quote, there are no escapes. */
function splitWords(line: string): Read<Word[]> {
  const words: Word[] = [];
  const pattern = /\s*(?:"([^"]*)"|([^\s"]+))(?=\s|$)/y;
  while (pattern.lastIndex < line.length) {
    const start = pattern.lastIndex;
    const found = pattern.exec(line);
    if (found === null)
      return refused(`the quotes after position ${start} do not pair up around a whole word`);
    words.push({ text: found[1] ?? found[2]!, isQuoted: found[1] !== undefined });
  }
  return read(words);
}

function parseAdd(words: Word[], source: LineSource): Read<AddCommand> {
  const [service, src, dst] = takePlain(words, 3);
  if (service === undefined || src === undefined || dst === undefined) {
    return refused('"route add" needs a service, a source and a destination');
  }
  const share = parseShare(takeClause(words, 'weight', false) ?? '0');
  const tags = splitTags(takeClause(words, 'tags', true));
  const opts = takeClause(words, 'opts', true) ?? '';
  if (words.length > 0) return refused(leftover(words, 'weight F, tags "…" and opts "…", in this order'));
  if (!share.ok) return share;
  const target = parseFabioSource(src);
  if (!target.ok) return target;
  const found = readDestination(target.value, dst, opts, share.value);
  if (!found.ok) return found;
  return read({ kind: 'add', service, ...found.value, destination: dst, tags, source });
}

/** In commands the scheme of DST is the protocol, and with `redirect=CODE` DST is where the redirect leads. */
function readDestination(
  target: Target,
  dst: string,
  opts: string,
  share: Weight,
): Read<Pick<AddCommand, 'endpoint' | 'claim'>> {
  const options = parseFabioOptions(opts.split(/\s+/).filter((word) => word !== ''));
  if (!options.ok) return options;
  const code = options.value.get('redirect');
  if (code === undefined) {
    const endpoint = parseEndpoint(dst);
    if (!endpoint.ok) return endpoint;
    const claim = readTarget(target, options.value, endpoint.value.protocol, share);
    return claim.ok ? read({ endpoint: endpoint.value, claim: claim.value }) : claim;
  }
  if (target.stream) return refused('a port cannot redirect');
  if (!/^3\d\d$/.test(code))
    return refused(`redirect=${code}: a command takes a status from 300 to 399 alone`);
  const location = parseLocation(dst);
  if (!location.ok) return location;
  const route = readFabioRoute(options.value, 'http');
  if (!route.ok) return route;
  route.value.redirect = { status: Number(code), location: location.value };
  return read({ endpoint: null, claim: toFabioClaim(target, route.value, 'http', share) });
}

function readTarget(
  target: Target,
  options: FabioOptions,
  protocol: FabioEndpoint['protocol'],
  share: Weight,
): Read<Claim> {
  if (protocol === 'tcp' || target.stream) return readFabioStream(target, options, protocol, share);
  const route = readFabioRoute(options, protocol);
  return route.ok ? read(toFabioClaim(target, route.value, protocol, share)) : route;
}

const SCHEMES: ReadonlyMap<string, UpstreamProtocol> = new Map([
  ['http', 'http'],
  ['https', 'https'],
  ['grpc', 'h2c'],
  ['grpcs', 'h2'],
  ['tcp', 'tcp'],
]);

/** `http://address:port/`; a path is accepted and means nothing, as in Fabio. */
function parseEndpoint(dst: string): Read<FabioEndpoint> {
  const url = /^([a-z]+):\/\/([^/?#]+)(?:[/?#].*)?$/i.exec(dst);
  const protocol = SCHEMES.get(url?.[1]?.toLowerCase() ?? '');
  if (url === null || protocol === undefined) {
    return refused(`destination ${quote(dst)} is not like http://10.0.0.1:8080/`);
  }
  const authority = url[2]!;
  const colon = authority.endsWith(']') ? -1 : authority.lastIndexOf(':');
  const fallback = protocol === 'tcp' ? null : usesTls(protocol) ? 443 : 80;
  const port = colon === -1 ? fallback : parsePort(authority.slice(colon + 1));
  const host = normaliseHost(colon === -1 ? authority : authority.slice(0, colon));
  if (port === null || !host.ok || host.value.startsWith('*')) {
    return refused(`destination ${quote(dst)} has no usable address and port`);
  }
  return read({ protocol, address: host.value.replace(/^\[|\]$/g, ''), port });
}

function parseDel(words: Word[], source: LineSource): Read<DelCommand> {
  const byTags = words[0]?.text === 'tags' && words[1]?.isQuoted === true;
  const [service] = byTags ? [] : takePlain(words, 1);
  const hasTags = words[0]?.text === 'tags' && words[1]?.isQuoted === true;
  const tags = splitTags(hasTags ? takeClause(words, 'tags', true) : null);
  const [src, dst] = hasTags ? [] : takePlain(words, Math.min(2, words.length));
  if (words.length > 0) return refused(leftover(words, 'a source and a destination, or tags "…"'));
  if (hasTags && tags.length === 0) return refused('tags "" names no tag');
  if (service === undefined && !hasTags) return refused('"route del" needs a service or tags "…"');
  const target = src === undefined ? null : parseFabioSource(src);
  if (target !== null && !target.ok) return target;
  const endpoint = dst === undefined ? null : parseEndpoint(dst);
  return read({
    kind: 'del',
    service: service ?? null,
    target: target === null ? null : target.value,
    destination: dst ?? null,
    endpoint: endpoint?.ok ? endpoint.value : null,
    tags,
    source,
  });
}

function parseWeight(words: Word[], source: LineSource): Read<WeightCommand> {
  const hasService = words[1]?.text !== 'weight' || words[2]?.text === 'weight';
  const [service] = hasService ? takePlain(words, 1) : [];
  const [src] = takePlain(words, 1);
  const text = takeClause(words, 'weight', false);
  const tags = splitTags(takeClause(words, 'tags', true));
  if (src === undefined || text === null) return refused('"route weight" needs a source and "weight F"');
  if (words.length > 0) return refused(leftover(words, 'tags "…"'));
  if (!hasService && tags.length === 0) return refused('"route weight" without a service needs tags "…"');
  const share = parseShare(text);
  if (!share.ok) return share;
  const target = parseFabioSource(src);
  if (!target.ok) return target;
  return read({
    kind: 'weight',
    service: service ?? null,
    target: target.value,
    weight: share.value,
    tags,
    source,
  });
}

/** Removes the first `count` words and returns their texts; none at all when one of them is quoted or missing. */
function takePlain(words: Word[], count: number): string[] {
  const taken = words.slice(0, count);
  if (taken.length < count || taken.some((word) => word.isQuoted)) return [];
  return words.splice(0, count).map((word) => word.text);
}

/** Removes `name VALUE` from the front and returns the value; null when it is not there. */
function takeClause(words: Word[], name: string, isQuoted: boolean): string | null {
  const [keyword, value] = words;
  if (keyword?.text !== name || keyword.isQuoted || value?.isQuoted !== isQuoted) return null;
  words.splice(0, 2);
  return value.text;
}

function splitTags(text: string | null): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}

function leftover(words: readonly Word[], wanted: string): string {
  return `${quote(words[0]!.text)} is out of place; what may follow is ${wanted}`;
}
