import { HostRoutes, whyFirst } from './host-routes.ts';
import type { Route, Rule } from './model.ts';
import type { Table } from './table.ts';

/** What a request is matched by: as for `Table.match`. */
export interface Asked {
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly listener: string;
}

/** One route that a host has, and why a request came to it or did not. */
export interface Candidate {
  readonly route: string;
  /** The request comes here. */
  readonly matched: boolean;
  /** It would, were no other route before it. */
  readonly takes: boolean;
  readonly why: string;
}

/** Every route of the host in the order of precedence. */
export function candidatesOf(table: Table, asked: Asked): Candidate[] {
  const { host, path, method, listener } = asked;
  const winner = table.match(host, path, method, listener);
  return table.candidates(host).map((route) => {
    const miss = whyNot(route, asked);
    if (route.id === winner?.id)
      return { route: route.id, matched: true, takes: true, why: whyMatched(route) };
    const why = miss ?? (winner === null ? 'nothing' : whyLater(winner, route));
    return { route: route.id, matched: false, takes: miss === null, why };
  });
}

function whyMatched({ rule }: Route): string {
  const path = rule.match === 'exact' ? `exactly ${rule.path}` : `${rule.path} and below`;
  return `${hostWords(rule)}, ${path}: the first of those that take the request`;
}

function hostWords({ host }: Rule): string {
  return host === '' ? 'any host' : host;
}

/** Both take the request. */
function whyLater(winner: Route, route: Route): string {
  const { host, priority } = winner.rule;
  const isByHost = host !== route.rule.host && priority === route.rule.priority;
  const why = isByHost ? `${hostWords(winner.rule)} is closer to the host` : whyFirst(winner, route);
  return `takes it too, but ${winner.id} comes first: ${why}`;
}

/** Why a route of the host does not take the request; null when it does. Asks the matching itself, part by part. */
function whyNot(route: Route, { path, method, listener }: Asked): string | null {
  const { rule } = route;
  const takes = (open: Partial<Rule>): boolean => {
    const alone = new HostRoutes();
    alone.add({ ...route, rule: { ...rule, ...open } });
    return alone.match(path, method, listener) !== null;
  };
  if (takes({})) return null;
  if (!takes({ methods: null, listeners: null })) return whyNotPath(rule, path);
  if (!takes({ listeners: null })) return `only for ${rule.methods?.join(', ')}, not for ${method}`;
  return `only on listener ${rule.listeners?.join(', ')}, not on ${listener}`;
}

function whyNotPath(rule: Rule, path: string): string {
  if (rule.match === 'exact') return `only for the path ${rule.path} itself`;
  if (rule.match === 'segment' && path.startsWith(rule.path))
    return `the path goes on within a segment after ${rule.path}`;
  return `the path does not begin with ${rule.path}`;
}
