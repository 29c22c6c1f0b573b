import type { Candidate } from './candidates.ts';
import type { Route } from './model.ts';
import { StreamTable } from './stream-table.ts';

/** What a connection is matched by. */
export interface AskedStream {
  /** Of the routes; null for an https listener. */
  readonly port: number | null;
  /** Lower case; empty when the client names none. */
  readonly serverName: string;
  readonly listener: string | null;
  /** UDP, whose ports are others than TCP's. */
  readonly isDatagram?: boolean;
}

/** The route that takes a connection: a plain one has its port to itself, elsewhere the server name decides. */
export function matchStream<R extends Route>(
  table: StreamTable<R>,
  { port, serverName, listener, isDatagram }: AskedStream,
): R | null {
  if (isDatagram) return table.forDatagrams(port ?? 0);
  if (port === null) return table.forSharedName(serverName, listener ?? '');
  return table.onPort(port) ?? table.forName(serverName, port);
}

/** Every route of the port, or of the https listeners, and why the connection comes to it or does not. */
export function streamCandidates(table: StreamTable, asked: AskedStream): Candidate[] {
  const winner = matchStream(table, asked);
  const candidates: Candidate[] = [];
  for (const route of table.routes()) {
    const { kind, port } = route.rule.stream!;
    if ((kind === 'udp') !== (asked.isDatagram ?? false) || port !== asked.port) continue;
    const alone = new StreamTable();
    alone.set(route);
    const takes = matchStream(alone, asked) !== null;
    const matched = route.id === winner?.id;
    candidates.push({ route: route.id, matched, takes, why: whyOf(route, winner, takes, asked) });
  }
  return candidates.sort(
    (a, b) => Number(b.matched) - Number(a.matched) || Number(b.takes) - Number(a.takes),
  );
}

const TAKEN: Readonly<Record<string, string>> = {
  tcp: 'every connection to the port',
  udp: 'every datagram to the port',
};

function whyOf({ id, rule }: Route, winner: Route | null, takes: boolean, asked: AskedStream): string {
  if (id === winner?.id) return TAKEN[rule.stream!.kind] ?? `TLS for ${rule.host}`;
  if (takes && winner !== null) {
    const why = winner.rule.stream!.kind === 'tcp' ? 'it has the port to itself' : 'it is closer to the name';
    return `takes it too, but ${winner.id} comes first: ${why}`;
  }
  const { serverName, listener } = asked;
  const alone = new StreamTable();
  alone.set({ id, rule: { ...rule, listeners: null } } as Route);
  if (matchStream(alone, asked) !== null)
    return `only on listener ${rule.listeners?.join(', ')}, not on ${listener}`;
  return serverName === ''
    ? `only for the server name ${rule.host}`
    : `for ${rule.host}, not for ${serverName}`;
}
