import type { Route } from '../../../router/model.ts';
import { comment, ident, haproxyQuote as quote } from '../quote.ts';
import { authority } from './checks.ts';
import { backendName } from './haproxy-backends.ts';
import type { BuiltinOptions } from './model.ts';
import type { Prepared } from './prepare.ts';

/** Server names that are passed on from this https listener. */
export function streamRoutesOf({ streams }: Prepared, listener: string): Route[] {
  return streams.filter(
    ({ rule: { stream, listeners } }) =>
      stream?.kind === 'sni' && stream.port === null && (listeners === null || listeners.includes(listener)),
  );
}

/** The rules of a TLS listener that passes some names on and the rest to `otherwise`. */
export function sharedLines(routes: readonly Route[], otherwise: string): string[] {
  return [...nameLines(routes), `default_backend ${otherwise}`];
}

/** A `frontend` for each port that routes open; a plain route has its port alone. */
export function portLines(
  { streams }: Prepared,
  { tcpHost }: BuiltinOptions,
): { head: string[]; servers: string[] }[] {
  const byPort = Map.groupBy(
    streams.filter(({ rule }) => rule.stream!.port !== null),
    ({ rule }) => rule.stream!.port!,
  );
  const ports = [...byPort].sort(([a], [b]) => a - b);
  return ports.map(([port, routes]) => {
    const plain = routes.find(({ rule }) => rule.stream!.kind === 'tcp');
    const rules = plain === undefined ? nameLines(routes) : plainLines(plain);
    const bind = `bind ${authority(tcpHost === '' ? '*' : tcpHost, port)}`;
    return {
      head: [`frontend tcp:${port}`, '  mode tcp', ...[bind, ...rules].map((line) => `  ${line}`)],
      servers: [],
    };
  });
}

function plainLines(route: Route): string[] {
  const { allow, deny } = route.options;
  return [
    ...networkAcls(route),
    ...(deny?.length ? [`tcp-request connection reject if deny:${ident(route.id)}`] : []),
    ...(allow === undefined ? [] : [`tcp-request connection reject${unlessAllowed(route)}`]),
    `default_backend ${backendName(route)}`,
  ];
}

/** Of several rules for one name the first has it, so a refusal must come where its rule does. */
function nameLines(routes: readonly Route[]): string[] {
  return [
    'tcp-request inspect-delay 5s',
    ...routes.flatMap(networkAcls),
    ...routes.map(
      (route) =>
        `tcp-request content set-var(sess.fairlead_route) str(${ident(route.id)}) if !{ var(sess.fairlead_route) -m found } ${takesName(route)}`,
    ),
    ...routes.flatMap((route) => {
      const { allow, deny } = route.options;
      const is = `{ var(sess.fairlead_route) -m str -- ${ident(route.id)} }`;
      return [
        ...(deny?.length ? [`tcp-request content reject if ${is} deny:${ident(route.id)}`] : []),
        ...(allow === undefined
          ? []
          : [`tcp-request content reject if ${is}${allow.length > 0 ? ` !allow:${ident(route.id)}` : ''}`]),
      ];
    }),
    'tcp-request content accept if { req.ssl_hello_type 1 }',
    ...routes.flatMap((route) => [
      comment(route.id),
      `use_backend ${backendName(route)} if { var(sess.fairlead_route) -m str -- ${ident(route.id)} }`,
    ]),
  ];
}

function takesName({ rule: { host } }: Route): string {
  return host.startsWith('*.')
    ? `{ req.ssl_sni -i -m end -- ${quote(host.slice(1))} }`
    : `{ req.ssl_sni -i -m str -- ${quote(host)} }`;
}

function networkAcls({ id, options: { allow, deny } }: Route): string[] {
  return [
    ...(deny ?? []).map((network) => `acl deny:${ident(id)} src -- ${network}`),
    ...(allow ?? []).map((network) => `acl allow:${ident(id)} src -- ${network}`),
  ];
}

function unlessAllowed({ id, options: { allow } }: Route): string {
  return allow!.length > 0 ? ` if !allow:${ident(id)}` : '';
}
