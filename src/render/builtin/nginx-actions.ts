import type { Route } from '../../../router/model.ts';
import { REPLIES, RETRY_AFTER_SECONDS, type Reason } from '../../shared/reasons.ts';
import { nginxQuote as quote } from '../quote.ts';
import type { BuiltinOptions } from './model.ts';
import type { Prepared } from './prepare.ts';

export const DEFAULT_RETRIES = 2;
const REDIRECTS = [301, 302, 303, 307, 308];
const ANSWERS: readonly Reason[] = [
  'bad_request',
  'denied',
  'no_healthy_instance',
  'no_route',
  'not_implemented',
];

/** What is done for a route once it may be served: the name of a location. */
export function actionOf(
  { id, pool, options }: Route,
  { refused, pools }: Prepared,
  defaults: BuiltinOptions,
): string {
  if (refused.has(id)) return 'not_implemented';
  if (options.redirect !== undefined) return `redirect_${options.redirect.status}`;
  const endpoints = pools.get(pool ?? '')?.endpoints ?? [];
  if (!endpoints.some(({ weight }) => weight > 0)) return 'no_healthy_instance';
  return `forward_${options.timeoutMs ?? defaults.responseMs}_${options.retry ?? DEFAULT_RETRIES}`;
}

/** A location for each thing that is done; what differs between routes besides comes from the maps. */
export function locationLines(prepared: Prepared, options: BuiltinOptions): string[] {
  const actions = new Set(prepared.routes.map((route) => actionOf(route, prepared, options)));
  const forwards = [...actions].filter((action) => action.startsWith('forward_')).sort();
  return [
    ...ANSWERS.flatMap((reason) => location(`= /${reason}`, answerLines(reason))),
    ...location('@connect_failed', answerLines('connect_failed')),
    ...location('@upstream_timeout', answerLines('upstream_timeout')),
    ...location('= /redirect_https', ['return 308 $fairlead_https_location;']),
    ...REDIRECTS.flatMap((status) =>
      location(`= /redirect_${status}`, [`return ${status} $fairlead_location;`]),
    ),
    ...forwards.flatMap((action) => {
      const [, timeoutMs, retry] = action.split('_');
      return location(`= /${action}`, [
        `proxy_read_timeout ${timeoutMs}ms;`,
        `proxy_next_upstream_tries ${Number(retry) + 1};`,
        'proxy_pass http://$fairlead_pool$fairlead_target;',
      ]);
    }),
  ];
}

/** What all forwarding has in common; stands in `http`. */
export function forwardLines({ connectMs, idleMs, tunnelIdleMs }: BuiltinOptions): string[] {
  const fields: readonly (readonly [string, string])[] = [
    ['Host', '$fairlead_host'],
    ['Connection', '$fairlead_connection'],
    ['Upgrade', '$http_upgrade'],
    ['X-Forwarded-For', '$fairlead_chain'],
    ['X-Forwarded-Proto', '$fairlead_proto'],
    ['X-Forwarded-Host', '$fairlead_authority'],
    ['X-Forwarded-Port', '$fairlead_port'],
    ['X-Forwarded-Prefix', '$fairlead_prefix'],
    ['X-Real-IP', '$remote_addr'],
    ['X-Request-ID', '$fairlead_id'],
    ['Forwarded', '$fairlead_forwarded'],
    ...[
      'X-Forwarded-Tls-Client-Cert',
      'X-Forwarded-Tls-Client-Cert-Info',
      'Client-Cert',
      'Client-Cert-Chain',
    ].map((name) => [name, '""'] as const),
  ];
  return [
    'access_log off;',
    'server_tokens off;',
    'underscores_in_headers on;',
    'absolute_redirect off;',
    'client_max_body_size 0;',
    'proxy_http_version 1.1;',
    `proxy_connect_timeout ${connectMs}ms;`,
    `proxy_send_timeout ${tunnelIdleMs}ms;`,
    `keepalive_timeout ${idleMs}ms;`,
    // RFC 9110 §9.2.2: nginx leaves requests alone that are not idempotent.
    'proxy_next_upstream error timeout;',
    ...fields.map(([name, value]) => `proxy_set_header ${name} ${value};`),
    'error_page 502 @connect_failed;',
    'error_page 504 @upstream_timeout;',
  ];
}

function answerLines(reason: Reason): string[] {
  const { status, text } = REPLIES[reason];
  const retryAfter = RETRY_AFTER_SECONDS[reason];
  return [
    'default_type text/plain;',
    `add_header X-Fairlead-Reason ${reason} always;`,
    'add_header Cache-Control no-store always;',
    ...(retryAfter === undefined ? [] : [`add_header Retry-After ${retryAfter} always;`]),
    `return ${status} ${quote(`${status} ${text}`)};`,
  ];
}

function location(name: string, lines: readonly string[]): string[] {
  return [`location ${name} {`, ...lines.map((line) => `  ${line}`), '}'];
}
