import { compareText } from '../../../router/host-routes.ts';
import type { EndpointFact, Pool, Route } from '../../../router/model.ts';
import {
  endpointProblem,
  isBindable,
  isFilePath,
  isHost,
  isListenerName,
  isNetwork,
  optionsProblem,
  placeProblem,
  ruleProblem,
} from './checks.ts';
import type { BuiltinInput, BuiltinListener, CertificateFiles, Shortfall } from './model.ts';
import { inNameOrder, inPrecedence } from './order.ts';

/** A state of the router that can be written down: checked, sorted, and with what fell out. */
export interface Prepared {
  /** HTTP, in precedence. */
  readonly routes: readonly Route[];
  /** Ids of routes whose requests are answered with 501, since what they do cannot be written down. */
  readonly refused: ReadonlySet<string>;
  /** Routes below HTTP that can be served, in the order of their names. */
  readonly streams: readonly Route[];
  /** Sorted by name; only those in use, with the endpoints that can be written down, sorted. */
  readonly pools: ReadonlyMap<string, Pool>;
  readonly listeners: readonly BuiltinListener[];
  readonly certificates: readonly CertificateFiles[];
  readonly shortfalls: Shortfall[];
}

/** `target` says what one program cannot do: a reason for a 501, or null. */
export function prepare(
  input: BuiltinInput,
  target: (route: Route, pool: Pool | null) => string | null,
): Prepared {
  const shortfalls: Shortfall[] = [...input.shortfalls];
  const all = new Map(input.pools.map((pool) => [pool.name, pool]));
  const expressible = input.routes.filter((route) => {
    const reason = ruleProblem(route.rule);
    if (reason !== null) shortfalls.push({ route: route.id, reason: `left out: ${reason}` });
    return reason === null;
  });
  const refused = new Set<string>();
  for (const route of expressible) {
    const pool = route.pool === null ? null : (all.get(route.pool) ?? null);
    const reason = optionsProblem(route, all) ?? placeProblem(route, input.options) ?? target(route, pool);
    if (reason === null) continue;
    refused.add(route.id);
    const answer = route.rule.stream === undefined ? 'answers 501' : 'left out';
    shortfalls.push({ route: route.id, reason: `${answer}: ${reason}` });
  }
  const served = expressible.filter(({ id }) => !refused.has(id));
  const used = new Set(served.map(({ pool }) => pool));
  const pools = [...used].flatMap((name) => all.get(name ?? '') ?? []);
  const sorted = pools.sort((a, b) => compareText(a.name, b.name));
  for (const { id, pool, options } of served) {
    const found = all.get(pool ?? '');
    for (const reason of new Set(found?.endpoints.map((endpoint) => endpointProblem(endpoint))))
      if (reason !== null) shortfalls.push({ route: id, reason });
    if (options.sticky !== undefined) shortfalls.push({ route: id, reason: 'sticky is not rendered' });
    if (options.departure !== undefined)
      shortfalls.push({ route: id, reason: 'departure=close is not rendered' });
  }
  return {
    // What could not be checked is not carried further: nothing of it can get into a file by another way.
    routes: inPrecedence(
      expressible
        .filter(({ rule }) => rule.stream === undefined)
        .map((route) => (refused.has(route.id) ? { ...route, options: {}, pool: null } : route)),
    ),
    refused,
    streams: inNameOrder(served.filter(({ rule }) => rule.stream !== undefined)),
    pools: new Map(sorted.map((pool) => [pool.name, { ...pool, endpoints: usable(pool.endpoints) }])),
    listeners: listenersOf(input, shortfalls),
    certificates: certificatesOf(input, shortfalls),
    shortfalls,
  };
}

/** Shortfalls of the file as its comments and its caller have them: sorted, each once. */
export function sortedShortfalls(shortfalls: readonly Shortfall[]): Shortfall[] {
  const byText = new Map(shortfalls.map((each) => [`${each.route}\n${each.reason}`, each]));
  return [...byText.values()].sort(
    (a, b) => compareText(a.route, b.route) || compareText(a.reason, b.reason),
  );
}

/** One entry for each id, whatever came twice. */
function usable(endpoints: readonly EndpointFact[]): EndpointFact[] {
  const byId = new Map(
    endpoints.filter((each) => endpointProblem(each) === null).map((each) => [each.id, each]),
  );
  return [...byId.values()].sort((a, b) => compareText(a.id, b.id));
}

function listenersOf({ listeners, options }: BuiltinInput, shortfalls: Shortfall[]): BuiltinListener[] {
  const trusted = options.trustedProxies.filter((network) => !isNetwork(network));
  if (trusted.length > 0) shortfalls.push({ route: 'trustedProxies', reason: 'one is not a network' });
  const usable = listeners.filter(({ name, address }) => {
    const isUsable = isListenerName(name) && isBindable(address);
    if (!isUsable)
      shortfalls.push({ route: `listener ${name}`, reason: 'left out: its name or address is not one' });
    return isUsable;
  });
  return usable.sort((a, b) => compareText(a.name, b.name));
}

function certificatesOf({ certificates }: BuiltinInput, shortfalls: Shortfall[]): CertificateFiles[] {
  return certificates.flatMap((pair) => {
    const isUsable = isFilePath(pair.certificate) && isFilePath(pair.key) && pair.names.every(isHost);
    if (isUsable) return { ...pair, names: [...pair.names].sort(compareText) };
    shortfalls.push({
      route: `certificate ${pair.certificate}`,
      reason: 'left out: a file or name cannot be written',
    });
    return [];
  });
}
