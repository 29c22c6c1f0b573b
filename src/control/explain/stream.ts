import { hostOfAuthority } from '../../../router/hosts.ts';
import { nearHosts } from '../../../router/near-misses.ts';
import { type AskedStream, matchStream, streamCandidates } from '../../../router/stream-candidates.ts';
import { accept, type Parsed, quote, refuse } from '../../config/units.ts';
import { plainAddress } from '../../data/forwarded.ts';
import { isDenied } from '../../data/live-table.ts';
import { ENDINGS, type Ending } from '../../shared/endings.ts';
import type { Question } from './question.ts';
import { listenerFor, portOf, type Surroundings, type Verdict, withNetworks } from './verdict.ts';

/** `tcp://:PORT`, `udp://:PORT`: what becomes of a connection or a datagram to a port that routes may have opened. */
export function explainPort(question: Question, around: Surroundings): Parsed<Verdict> {
  const { authority, rest, scheme, url } = question;
  const port = portOf(authority);
  if (port === null || rest !== '') return refuse(`url ${quote(url)} is not like ${scheme}://:15432`);
  const asked = { port, serverName: '', listener: null, isDatagram: scheme === 'udp' };
  return accept(verdictOn(question, asked, around));
}

/** `tls://NAME[:PORT]`: the same for a server name, on a port of routes or (without one) wherever a route takes it. */
export function explainTls(question: Question, around: Surroundings): Parsed<Verdict> {
  const { authority, rest, url, listener } = question;
  const serverName = hostOfAuthority(authority);
  if (serverName === null || rest !== '')
    return refuse(`url ${quote(url)} is not like tls://db.example.com:15432`);
  const port = portOf(authority);
  const isOfRoutes = port !== null && !around.listeners.some(({ address }) => address.port === port);
  if (isOfRoutes) return accept(verdictOn(question, { port, serverName, listener: null }, around));
  if (port === null && listener === null) {
    const only = portOfName(serverName, around);
    if (only !== null) return accept(verdictOn(question, { port: only, serverName, listener: null }, around));
  }
  const chosen = listenerFor('https', listener, port, around.listeners);
  if (!chosen.ok) return chosen;
  const { name, protocol } = chosen.value;
  if (protocol !== 'https') return refuse(`listener ${name} speaks no TLS`);
  return accept(verdictOn(question, { port: null, serverName, listener: name }, around));
}

/** The first port of routes that takes the name, where no https listener does. */
function portOfName(serverName: string, { streams, listeners }: Surroundings): number | null {
  const takes = (port: number | null, listener: string | null): boolean =>
    matchStream(streams, { port, serverName, listener }) !== null;
  if (listeners.some(({ name, protocol }) => protocol === 'https' && takes(null, name))) return null;
  const ports = [...streams.routes()].flatMap(({ rule: { stream } }) =>
    stream?.kind === 'sni' && stream.port !== null ? [stream.port] : [],
  );
  return ports.sort((a, b) => a - b).find((port) => takes(port, null)) ?? null;
}

/** What becomes of a TLS connection to an https listener, where a route takes its name; null where none does. */
export function explainSharedName(
  question: Question,
  serverName: string,
  listener: string,
  around: Surroundings,
): Verdict | null {
  const asked = { port: null, serverName, listener };
  return matchStream(around.streams, asked) === null ? null : verdictOn(question, asked, around);
}

function verdictOn(question: Question, asked: AskedStream, around: Surroundings): Verdict {
  const { port, serverName, listener } = asked;
  const route = matchStream(around.streams, asked);
  const client = plainAddress(question.client);
  const common = {
    ...{ location: null, target: null, route },
    candidates: streamCandidates(around.streams, asked),
    near: route === null ? nearHosts(serverName, namesOf(asked, around)) : [],
    topic: serverName || `:${port}`,
    request: { url: question.url, client, ...(listener !== null && { listener }) },
  };
  const refused = (reason: Ending | null, why: string): Verdict => {
    return { ...common, decision: 'refuse', reason, status: reason && ENDINGS[reason], why };
  };
  if (route === null) return refused('no_route', whyNone(asked, common.candidates.length));
  const { tcp, udp } = around.openPorts;
  if (port !== null && !(asked.isDatagram ? udp : tcp).includes(port))
    return refused(null, `${route.id} has the port, and it is not open (yet)`);
  if (isDenied(withNetworks(route), client))
    return refused('denied', `${client} is not among those that ${route.id} allows`);
  const why = `${route.id} takes it: its bytes are passed on as they come`;
  return { ...common, decision: 'forward', reason: null, status: null, why };
}

function whyNone({ port, serverName, listener }: AskedStream, candidates: number): string {
  if (port === null)
    return `no route passes ${serverName} on: listener ${listener} ends TLS itself (ask with https://)`;
  if (candidates === 0) return `no route has port ${port}`;
  return serverName === ''
    ? `server names decide on port ${port}: ask with tls://NAME:${port}`
    : `no route on port ${port} takes ${serverName}`;
}

function* namesOf({ port }: AskedStream, { streams }: Surroundings): Iterable<string> {
  for (const { rule } of streams.routes()) if (rule.stream!.port === port) yield rule.host;
}
