import { compareText } from '../../../router/host-routes.ts';
import type { Route, Rule } from '../../../router/model.ts';

/** The router's precedence (`router/table.ts`) as one list: the first rule that takes a request has it. */
export function inPrecedence(routes: readonly Route[]): Route[] {
  return [...routes].sort(
    (a, b) =>
      b.rule.priority - a.rule.priority ||
      hostRank(a.rule) - hostRank(b.rule) ||
      (isWildcard(a.rule) ? b.rule.host.length - a.rule.host.length : 0) ||
      compareText(a.rule.host, b.rule.host) ||
      matchRank(a.rule) - matchRank(b.rule) ||
      b.rule.path.length - a.rule.path.length ||
      compareText(a.rule.path, b.rule.path) ||
      Number(a.rule.match === 'text') - Number(b.rule.match === 'text') ||
      filters(b.rule) - filters(a.rule) ||
      compareText(a.id, b.id),
  );
}

/** Server names of one port: exact before the longest wildcard, one that names its listeners before one that does not. */
export function inNameOrder(routes: readonly Route[]): Route[] {
  return [...routes].sort(
    (a, b) =>
      hostRank(a.rule) - hostRank(b.rule) ||
      b.rule.host.length - a.rule.host.length ||
      compareText(a.rule.host, b.rule.host) ||
      Number(a.rule.listeners === null) - Number(b.rule.listeners === null) ||
      compareText(a.id, b.id),
  );
}

/** True when every host that `narrow` takes is one that `wide` takes; hosts as in `Rule.host`, no globs. */
export function covers(wide: string, narrow: string): boolean {
  if (wide === '' || wide === narrow) return true;
  return wide.startsWith('*.') && narrow !== '' && narrow.endsWith(wide.slice(1));
}

/** Wildcards that take every host that this one takes, the narrowest first: `*.b.c` and `*.c` for `a.b.c`. */
export function wildcardsAbove(host: string): string[] {
  const labels = host.split('.').slice(1);
  const wildcards = labels.map((_, at) => `*.${labels.slice(at).join('.')}`);
  return wildcards.filter((each) => each !== host);
}

function hostRank({ host }: Rule): number {
  if (host === '') return 2;
  return host.startsWith('*.') ? 1 : 0;
}

function isWildcard({ host }: Rule): boolean {
  return host.startsWith('*.');
}

function matchRank({ match }: Rule): number {
  return match === 'exact' ? 0 : 1;
}

function filters({ methods, listeners }: Rule): number {
  return (methods ? 1 : 0) + (listeners ? 1 : 0);
}
