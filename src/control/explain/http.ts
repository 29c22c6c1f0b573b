import type { Asked } from '../../../router/candidates.ts';
import type { Route } from '../../../router/model.ts';
import type { Table } from '../../../router/table.ts';
import type { Limits, ListenerConfig } from '../../config/config.ts';
import { accept, type Parsed, quote, refuse } from '../../config/units.ts';
import { type DecidableRoute, type Decision, decide } from '../../data/decide.ts';
import { clientOf, Networks, plainAddress } from '../../data/forwarded.ts';
import { chainOf } from '../../data/head-writer.ts';
import { HeadParser } from '../../data/http1/head-parser.ts';
import { HeadReader } from '../../data/http1/head-reader.ts';
import { type Refused, type RequestHead, readRequest, refusalOf } from '../../data/http1/heads.ts';
import { reasonOfRefusal } from '../../data/replies.ts';
import { REPLIES } from '../../shared/reasons.ts';
import type { Question } from './question.ts';
import type { Verdict } from './verdict.ts';

export interface HttpContext {
  readonly table: Table;
  readonly isComplete: boolean;
  readonly listeners: readonly ListenerConfig[];
  readonly limits: Limits;
  readonly trustedProxies: Networks;
}

/**
 * What a worker would do with a request: the head is written as a client writes it and goes through the workers' own
 * parser and decision.
 */
export function explainHttp(question: Question, context: HttpContext): Parsed<Verdict> {
  const chosen = listenerFor(question, context.listeners);
  if (!chosen.ok) return chosen;
  const { name, protocol: scheme } = chosen.value;
  const peer = plainAddress(question.client);
  const head = readHead(headText(question), context.limits);
  const request = { method: question.method, url: question.url, listener: name, scheme };
  if ('refused' in head) return accept(malformed(head, { ...request, client: peer }));
  const isTrusted = context.trustedProxies.has(peer);
  const client = clientOf({ address: peer, isTrusted }, chainOf(head), context.trustedProxies);
  let asked: Asked | null = null;
  let found: Route | null = null;
  const table = {
    match(host: string, path: string, method: string, listener: string): DecidableRoute | null {
      asked = { host, path, method, listener };
      found = context.table.match(host, path, method, listener);
      return found && withNetworks(found);
    },
  };
  const engine = { table, hasCatalog: context.isComplete, limits: context.limits };
  const decision = decide(head, client, isTrusted, { name, scheme }, engine);
  return accept({
    ...verdictOf(decision),
    why: whyOf(decision, found, client, asked),
    route: found,
    asked,
    request: { ...request, host: head.host, client },
  });
}

/** The one that is named; else the one with the URL's port, or the first that speaks its scheme. */
function listenerFor(
  { scheme, authority, listener }: Question,
  listeners: readonly ListenerConfig[],
): Parsed<ListenerConfig> {
  const there = listeners.map(({ name }) => name).join(', ') || 'none';
  if (listener !== null) {
    const named = listeners.find(({ name }) => name === listener);
    return named ? accept(named) : refuse(`no listener is called ${quote(listener)}; there is ${there}`);
  }
  const port = Number(/:(\d+)$/.exec(authority)?.[1] ?? 0);
  const speaking = listeners.filter(({ protocol }) => protocol === scheme);
  const found = speaking.find(({ address }) => address.port === port) ?? speaking[0];
  return found
    ? accept(found)
    : refuse(`no listener speaks ${scheme}: say which one it comes to (listener); there is ${there}`);
}

function headText({ method, authority, rest, headers }: Question): string {
  const target = rest === '' ? '/' : rest.startsWith('?') ? `/${rest}` : rest;
  const hasHost = headers.some(([name]) => name.toLowerCase() === 'host');
  const lines = [...(hasHost ? [] : [['Host', authority]]), ...headers].map(
    ([name, value]) => `${name}: ${value}`,
  );
  return `${[`${method} ${target} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`;
}

function readHead(text: string, limits: Limits): RequestHead | Refused {
  const reader = new HeadReader('request', { parser: new HeadParser(limits), limits });
  if (reader.read(Buffer.from(text, 'latin1'), 0) < 0) return refusalOf(reader.parser.fault!);
  return readRequest(reader.parser, reader.text);
}

function malformed({ status, fault }: Refused, request: Verdict['request']): Verdict {
  return {
    decision: 'refuse',
    reason: reasonOfRefusal(status),
    status,
    why: `the request is not served as it is written: ${fault.replaceAll('_', ' ')}`,
    ...{ location: null, target: null, route: null, asked: null, request },
  };
}

function withNetworks(route: Route): DecidableRoute {
  const { allow, deny } = route.options;
  return {
    ...route,
    live: { allow: allow ? new Networks(allow) : null, deny: deny ? new Networks(deny) : null },
  };
}

function verdictOf(
  decision: Decision<DecidableRoute>,
): Pick<Verdict, 'decision' | 'reason' | 'status' | 'location' | 'target'> {
  const nothing = { reason: null, status: null, location: null, target: null };
  switch (decision.kind) {
    case 'forward':
      return { ...nothing, decision: 'forward', target: decision.target };
    case 'redirect': {
      const { status, location } = decision;
      return { ...nothing, decision: 'redirect', status, location };
    }
    case 'refuse': {
      const { reason } = decision;
      return { ...nothing, decision: 'refuse', reason, status: REPLIES[reason].status };
    }
  }
}

function whyOf(
  decision: Decision<DecidableRoute>,
  found: Route | null,
  client: string,
  asked: Asked | null,
): string {
  if (decision.kind === 'forward') return `${decision.route.id} takes it`;
  if (decision.kind === 'redirect')
    return `${decision.route.id} redirects${decision.route.options.https === undefined ? '' : ' to https'}`;
  switch (decision.reason) {
    case 'no_catalog':
      return 'nothing matches so far, and the catalog is not complete yet';
    case 'no_route':
      return found === null
        ? `no route takes ${asked!.host || 'a request without a host'}${asked!.path}`
        : `${found.id} answers on https only`;
    case 'denied':
      return `${client} is not among those that ${found!.id} allows`;
    case 'body_too_large':
      return 'the announced body is larger than limits.body';
    default:
      return 'the path cannot be matched safely: a dot segment, an encoded NUL or a broken escape';
  }
}
