import type { Candidate } from '../../../router/candidates.ts';
import type { Route } from '../../../router/model.ts';
import type { StreamTable } from '../../../router/stream-table.ts';
import type { Table } from '../../../router/table.ts';
import type { Profiles } from '../../../tls/profiles.ts';
import type { Limits, ListenerConfig } from '../../config/config.ts';
import { accept, type Parsed, quote, refuse } from '../../config/units.ts';
import type { DecidableRoute } from '../../data/decide.ts';
import { Networks } from '../../data/forwarded.ts';
import type { Ending } from '../../shared/endings.ts';
import type { Reason } from '../../shared/reasons.ts';

/** What would be done, as far as the table alone says; who serves it comes after. */
export interface Verdict {
  /** `answer`: the router itself has what is asked for. */
  readonly decision: 'forward' | 'redirect' | 'answer' | 'refuse';
  /** As in `x-fairlead-reason`, or in the log of streams; null unless it is refused. */
  readonly reason: Reason | Ending | null;
  /** Of the answer that the router makes itself, or of its line in the log; null when it forwards. */
  readonly status: number | null;
  /** For people. */
  readonly why: string;
  readonly location: string | null;
  /** What the instance is asked for. */
  readonly target: string | null;
  readonly route: Route | null;
  readonly candidates: readonly Candidate[];
  /** What somebody may have meant who finds no route. */
  readonly near: readonly string[];
  /** What a tag for it would have in its text. */
  readonly topic: string;
  /** As it was understood. */
  readonly request: Readonly<Record<string, string>>;
}

/** A router as far as its workers' decisions depend on it. */
export interface Surroundings {
  readonly table: Table;
  readonly streams: StreamTable;
  readonly isComplete: boolean;
  readonly listeners: readonly ListenerConfig[];
  /** That routes have opened. */
  readonly openPorts: { readonly tcp: readonly number[]; readonly udp: readonly number[] };
  readonly limits: Limits;
  readonly trustedProxies: Networks;
  readonly profiles: Pick<Profiles, 'profileFor' | 'clientAuthFor' | 'generation'>;
  /** Answers to ACME authorities, by token. */
  readonly challenges: ReadonlyMap<string, string>;
  readonly redirectPort: number;
}

/** For a route: what workers compile of it when they are told of it. */
export function withNetworks(route: Route): DecidableRoute {
  const { allow, deny } = route.options;
  return {
    ...route,
    live: { allow: allow ? new Networks(allow) : null, deny: deny ? new Networks(deny) : null },
  };
}

/** The one that is named; else the one with this port, or the first that speaks the scheme. */
export function listenerFor(
  scheme: 'http' | 'https',
  name: string | null,
  port: number | null,
  listeners: readonly ListenerConfig[],
): Parsed<ListenerConfig> {
  const there = listeners.map((listener) => listener.name).join(', ') || 'none';
  if (name !== null) {
    const named = listeners.find((listener) => listener.name === name);
    return named ? accept(named) : refuse(`no listener is called ${quote(name)}; there is ${there}`);
  }
  const speaking = listeners.filter(({ protocol }) => protocol === scheme);
  const found = speaking.find(({ address }) => address.port === port) ?? speaking[0];
  const help = `say which one it comes to (listener); there is ${there}`;
  return found ? accept(found) : refuse(`no listener speaks ${scheme}: ${help}`);
}

/** The port at the end of an authority; null when it has none. */
export function portOf(authority: string): number | null {
  const port = Number(/:(\d{1,5})$/.exec(authority)?.[1] ?? 0);
  return port > 0 && port <= 65_535 ? port : null;
}
