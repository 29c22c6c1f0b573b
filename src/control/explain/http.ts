import { type Asked, candidatesOf } from '../../../router/candidates.ts';
import { hostOfAuthority } from '../../../router/hosts.ts';
import type { Route } from '../../../router/model.ts';
import { nearHosts } from '../../../router/near-misses.ts';
import type { Table } from '../../../router/table.ts';
import type { Profile } from '../../../tls/profiles.ts';
import type { Limits } from '../../config/config.ts';
import { accept, type Parsed } from '../../config/units.ts';
import { type DecidableRoute, type Decision, decide } from '../../data/decide.ts';
import { clientOf, plainAddress } from '../../data/forwarded.ts';
import { chainOf } from '../../data/head-writer.ts';
import { HeadParser } from '../../data/http1/head-parser.ts';
import { HeadReader } from '../../data/http1/head-reader.ts';
import { type Refused, type RequestHead, readRequest, refusalOf } from '../../data/http1/heads.ts';
import { reasonOfRefusal } from '../../data/replies.ts';
import { REPLIES } from '../../shared/reasons.ts';
import type { Question } from './question.ts';
import { explainSharedName } from './stream.ts';
import { listenerFor, portOf, type Surroundings, type Verdict, withNetworks } from './verdict.ts';

/**
 * What a worker would do with a request: the head is written as a client writes it and goes through the workers' own
 * parser and decision.
 */
export function explainHttp(question: Question, around: Surroundings): Parsed<Verdict> {
  const scheme = question.scheme === 'https' ? 'https' : 'http';
  const port = portOf(question.authority);
  const chosen = listenerFor(scheme, question.listener, port, around.listeners);
  if (!chosen.ok) return chosen;
  const listener = chosen.value;
  const isTls = listener.protocol === 'https';
  const serverName = isTls ? serverNameOf(question.authority) : '';
  if (isTls) {
    const passedOn = explainSharedName(question, serverName, listener.name, around);
    if (passedOn !== null) return accept(passedOn);
  }
  const profile = isTls ? around.profiles.profileFor(serverName) : null;
  const peer = plainAddress(question.client);
  const head = readHead(headText(question), around.limits);
  const request = { method: question.method, url: question.url, listener: listener.name, client: peer };
  if (isTls && profile === null) return accept(unknownName(serverName, request));
  if ('refused' in head) return accept(malformed(head, request));
  const isTrusted = around.trustedProxies.has(peer);
  const client = clientOf({ address: peer, isTrusted }, chainOf(head), around.trustedProxies);
  const asking = new Asking(around.table);
  const decision = decide(head, client, {
    engine: {
      table: asking,
      hasCatalog: around.isComplete,
      limits: around.limits,
      profiles: around.profiles,
      challenges: around.challenges,
      setup: { tls: { redirectPort: around.redirectPort } },
    },
    listener,
    peer: { isTrusted },
    tls: profile && { serverName, profile },
  });
  const { asked, found } = asking;
  return accept({
    ...verdictOf(decision),
    why: whyOf(decision, found, client, asked) + clientCertificateWords(profile),
    route: found,
    candidates: asked === null ? [] : candidatesOf(around.table, asked),
    near: asked === null || found !== null ? [] : nearHosts(head.host, hostsOf(around.table)),
    topic: head.host,
    request: { ...request, host: head.host, client },
  });
}

/** The table as a worker asks it, remembering what it was asked and what it found. */
class Asking {
  asked: Asked | null = null;
  found: Route | null = null;
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  match(host: string, path: string, method: string, listener: string): DecidableRoute | null {
    this.asked = { host, path, method, listener };
    this.found = this.#table.match(host, path, method, listener);
    return this.found && withNetworks(this.found);
  }
}

/** What a client puts into its handshake: no port, and no address (RFC 6066, 3). */
function serverNameOf(authority: string): string {
  const host = hostOfAuthority(authority) ?? '';
  return /^\[|^[\d.]+$/.test(host) ? '' : host;
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

/** Refused before there is anything to look up. */
const UNASKED = {
  decision: 'refuse',
  location: null,
  target: null,
  route: null,
  candidates: [],
  near: [],
} as const;

function malformed({ status, fault }: Refused, request: Verdict['request']): Verdict {
  const why = `the request is not served as it is written: ${fault.replaceAll('_', ' ')}`;
  return { ...UNASKED, reason: reasonOfRefusal(status), status, why, topic: '', request };
}

function unknownName(serverName: string, request: Verdict['request']): Verdict {
  const why = `there is no certificate for ${serverName || 'a client that names no server'}: the handshake is refused`;
  return { ...UNASKED, reason: null, status: null, why, topic: serverName, request };
}

function verdictOf(
  decision: Decision<DecidableRoute>,
): Pick<Verdict, 'decision' | 'reason' | 'status' | 'location' | 'target'> {
  const nothing = { reason: null, status: null, location: null, target: null };
  switch (decision.kind) {
    case 'forward':
      return { ...nothing, decision: 'forward', target: decision.target };
    case 'challenge':
      return { ...nothing, decision: 'answer', status: 200 };
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
  switch (decision.kind) {
    case 'forward':
      return `${decision.route.id} takes it`;
    case 'challenge':
      return 'an authority asks for a token that the router has';
    case 'redirect':
      return `${decision.route.id} redirects it`;
  }
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
    case 'misdirected':
      return found === null
        ? 'the connection has shown the certificate of another host'
        : 'clients of this host must show a certificate, which a proxy in front cannot vouch for';
    default:
      return 'the path cannot be matched safely: a dot segment, an encoded NUL or a broken escape';
  }
}

function clientCertificateWords(profile: Profile | null): string {
  return profile?.clientAuth?.mode === 'required'
    ? '; clients without a certificate of theirs get no further than TLS'
    : '';
}

function* hostsOf(table: Table): Iterable<string> {
  for (const { rule } of table.routes()) yield rule.host;
}
