import { compareText } from '../../../router/host-routes.ts';
import type { Route } from '../../../router/model.ts';
import { ident, nginxQuote as quote } from '../quote.ts';

export type Entry = readonly [key: string, value: string];

/** `map SOURCE $NAME { … }`. Keys and values are complete words. */
export function map(source: string, name: string, entries: readonly Entry[], hostnames = false): string[] {
  return [
    `map ${source} $${name} {`,
    ...(hostnames ? ['  hostnames;'] : []),
    ...entries.map(([key, value]) => `  ${key} ${value};`),
    '}',
  ];
}

/** `geo SOURCE $NAME { … }`: 1 for these networks. For those of `proxies` whom they speak for counts. */
export function geo(
  source: string,
  name: string,
  networks: readonly string[],
  { otherwise = 0, proxies = [] }: { readonly otherwise?: number; readonly proxies?: readonly string[] } = {},
): string[] {
  const lines = [...networks].sort(compareText).map((network) => `  ${network} 1;`);
  const chain =
    proxies.length === 0 ? [] : [...proxies.map((each) => `  proxy ${each};`), '  proxy_recursive;'];
  return [`geo ${source} $${name} {`, ...chain, `  default ${otherwise};`, ...lines, '}'];
}

/** Names of variables have no `.` and `-`, so those of routes and hosts are encoded once more. */
export function variable(text: string): string {
  return ident(text).replace(/[.-]/g, (char) => `_${char.charCodeAt(0).toString(16)}`);
}

/** A variable whatever follows it. */
export function braced(name: string): string {
  return `$\{${name}}`;
}

/** Text with `$` for a place where nginx expands variables. */
export function literalValue(text: string): string {
  return text.replaceAll('$', () => braced('fairlead_dollar'));
}

/** One that stands for a word `map` knows needs a backslash. */
export function hostKey(host: string): string {
  return /^(?:default|hostnames|include|volatile)$/.test(host) ? `\\${host}` : quote(host);
}

/** A route as a key and value of maps. */
export function routeKey({ id }: Route): string {
  return `r_${ident(id)}`;
}
