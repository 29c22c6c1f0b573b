import { nginxQuote as quote } from '../quote.ts';
import { isNetwork } from './checks.ts';
import type { BuiltinOptions } from './model.ts';
import { geo, map } from './nginx-words.ts';

/**
 * Who asks, and what the upstream is told of it. The peer is whoever connected: behind a socket between two of nginx's own
 * listeners that is what the PROXY header says.
 */
export function clientMaps({ trustedProxies }: BuiltinOptions): string[] {
  const trusted = trustedProxies.filter(isNetwork);
  const given = (name: string, field: string, pattern: string, otherwise: string): string[] =>
    map(`"$fairlead_trusted:$http_${field}"`, `fairlead_${name}`, [
      [quote(`~*^1:(?<given_${name}>${pattern})$`, { dollar: true }), `$given_${name}`],
      ['default', otherwise],
    ]);
  return [
    ...trusted.map((network) => `set_real_ip_from ${network};`),
    ...(trusted.length > 0 ? ['real_ip_header X-Forwarded-For;', 'real_ip_recursive on;'] : []),
    ...map('$proxy_protocol_addr', 'fairlead_peer', [
      ['""', '$realip_remote_addr'],
      ['default', '$proxy_protocol_addr'],
    ]),
    ...map('$proxy_protocol_server_port', 'fairlead_own_port', [
      ['""', '$server_port'],
      ['default', '$proxy_protocol_server_port'],
    ]),
    ...geo('$fairlead_peer', 'fairlead_trusted', trusted),
    ...map('"$scheme:$fairlead_trusted:$http_x_forwarded_proto"', 'fairlead_secure', [
      ['~^https:', '1'],
      ['~*^http:1:https$', '1'],
      ['default', '0'],
    ]),
    ...map('"$fairlead_trusted:$http_x_forwarded_for"', 'fairlead_chain', [
      ['"~^1:(?<chain>.+)$"', '"$chain, $fairlead_peer"'],
      ['default', '$fairlead_peer'],
    ]),
    ...given('proto', 'x_forwarded_proto', 'https?|wss?', '$scheme'),
    ...given('authority', 'x_forwarded_host', '.+', '$http_host'),
    ...given('port', 'x_forwarded_port', '.+', '$fairlead_own_port'),
    ...given('id', 'x_request_id', '[A-Za-z0-9_.:/+=-]{1,128}', '$request_id'),
    ...given('forwarded', 'forwarded', '.+', '""'),
    ...map('$http_upgrade', 'fairlead_connection', [
      ['""', '""'],
      ['default', 'upgrade'],
    ]),
  ];
}
