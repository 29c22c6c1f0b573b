import type { Balance, Pool } from '../../../router/model.ts';
import { comment, ident } from '../quote.ts';
import { authority } from './checks.ts';

/** nginx's names of fields and cookies have letters, digits and `_`, whatever their case; others it cannot ask for. */
export function isHashable(balance: Balance): boolean {
  if (balance.kind !== 'hash' || balance.on === 'ip') return true;
  return balance.on === 'header' ? /^[a-z0-9-]+$/.test(balance.name) : /^[A-Za-z0-9_]+$/.test(balance.name);
}

/** An `upstream` section; none for a pool without anybody to take work, which nginx would refuse. */
export function upstreamLines({ name, balance, maxconn, endpoints }: Pool, mode: 'http' | 'tcp'): string[] {
  if (!endpoints.some(({ weight }) => weight > 0)) return [];
  const limit = maxconn === null ? '' : ` max_conns=${maxconn}`;
  const servers = endpoints.map(({ address, port, weight }) => {
    const share = weight === 0 ? 'down' : `weight=${weight}`;
    return `  server ${authority(address, port)} ${share}${limit} max_fails=3 fail_timeout=10s;`;
  });
  return [
    comment(`pool ${name}`),
    `upstream ${mode}.${ident(name)} {`,
    // Counts are shared by the workers only in a zone.
    `  zone ${mode}.${ident(name)} 256k;`,
    ...balanceLines(balance, mode).map((line) => `  ${line}`),
    ...servers,
    ...(mode === 'http' ? ['  keepalive 64;'] : []),
    '}',
  ];
}

function balanceLines(balance: Balance, mode: 'http' | 'tcp'): string[] {
  if (balance.kind === 'rr') return [];
  if (balance.kind === 'random') return ['random;'];
  if (balance.kind === 'least' || !isHashable(balance)) return ['least_conn;'];
  if (balance.on === 'ip' || mode === 'tcp') return ['hash $remote_addr consistent;'];
  const key =
    balance.on === 'header' ? `http_${balance.name.replaceAll('-', '_')}` : `cookie_${balance.name}`;
  return [`hash $${key} consistent;`];
}
