import type { Route } from '../../../router/model.ts';
import { nginxQuote as quote } from '../quote.ts';
import { braced, type Entry, literalValue, map, routeKey, variable } from './nginx-words.ts';
import { rewritesOf } from './patterns.ts';

/** The target for the upstream and the prefix taken off it. */
export function rewriteMaps(routes: readonly Route[]): string[] {
  const rewriting = routes
    .map((route) => ({ route, rewrites: rewritesOf(route.options, route.rule.match === 'text') }))
    .filter(({ rewrites }) => rewrites.length > 0);
  const lines = rewriting.flatMap(({ route, rewrites }) => {
    const name = variable(route.id);
    const patterns = rewrites.map(({ pattern }) => quote(`~${withQuery(pattern)}`, { dollar: true }));
    const targets = rewrites.map(
      ({ before }, at): Entry => [patterns[at]!, `"${literalValue(before)}$rest$query"`],
    );
    const prefixes = rewrites.flatMap(({ isStripped }, at): Entry[] =>
      isStripped ? [[patterns[at]!, `"${literalValue(route.options.strip!)}"`]] : [],
    );
    return [
      ...map('$request_uri', `fairlead_target_${name}`, [...targets, ['default', '$request_uri']]),
      ...map('$request_uri', `fairlead_stripped_${name}`, [...prefixes, ['default', '""']]),
    ];
  });
  const entries = (kind: string): Entry[] =>
    rewriting.map(({ route }) => [routeKey(route), `$fairlead_${kind}_${variable(route.id)}`]);
  return [
    ...lines,
    ...map('$fairlead_route', 'fairlead_target', [...entries('target'), ['default', '$request_uri']]),
    ...map('$fairlead_route', 'fairlead_prefix', [
      ...entries('stripped'),
      ['default', '$fairlead_given_prefix'],
    ]),
    ...map('$fairlead_trusted', 'fairlead_given_prefix', [
      ['1', '$http_x_forwarded_prefix'],
      ['default', '""'],
    ]),
  ];
}

/** A pattern over a path as one over a target, with what stays and the query by name. */
function withQuery(pattern: string): string {
  const rest = pattern
    .replace('(.*)$', '(?<rest>[^?]*)$')
    .replace('()$', '(?<rest>)$')
    .replace(
      '((?!(?:[.]|%2[Ee]){1,2}(?:/|$))[^/].*)$',
      '(?<rest>(?!(?:[.]|%2[Ee]){1,2}(?:[/?]|$))[^/?][^?]*)$',
    );
  return `${rest.slice(0, -1)}(?<query>[?].*)?$`;
}

/** Where `redirect=` sends clients. */
export function redirectMaps(routes: readonly Route[]): string[] {
  const entries = routes.flatMap((route): Entry[] => {
    const { redirect } = route.options;
    if (redirect === undefined) return [];
    const { location } = redirect;
    const carriesQuery = location.includes('$path') && !/[?#]/.test(location);
    const parts = location.split(/(\$host|\$path)/).map((part) => {
      if (part === '$host') return braced('host');
      return part === '$path' ? braced('fairlead_path') : literalValue(part);
    });
    return [[routeKey(route), `"${parts.join('')}${carriesQuery ? braced('fairlead_query') : ''}"`]];
  });
  return [
    ...map('$fairlead_target', 'fairlead_path', [
      ['"~^/+(?<path>[^?]*)"', '"/$path"'],
      ['default', '/'],
    ]),
    ...map('$request_uri', 'fairlead_query', [
      ['"~^[^?]*(?<asked>[?].*)$"', '$asked'],
      ['default', '""'],
    ]),
    ...map('$fairlead_route', 'fairlead_location', [...entries, ['default', '""']]),
  ];
}
