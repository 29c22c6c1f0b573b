/** A whole router that orders certificates, as one of several. */
import { freePorts } from '../../support/ports.ts';
import { shake } from '../../support/secure.ts';
import { type Site, startSite } from '../site.ts';

/** A server name that no certificate has, where `tls.strict` is on. */
export const UNKNOWN = 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME';

export interface Replica extends Site {
  readonly secure: number;
}

export interface ReplicaOptions {
  /** URL of the catalog. */
  readonly consul: string;
  readonly directory: string;
  /** Trusts the directory. */
  readonly caFile: string;
  readonly store: 'consul' | 'redis';
  readonly env?: Record<string, string>;
  /** Further lines of `tls.acme`, indented by four. */
  readonly more: string;
  /** Of the plain and the secure listener. */
  readonly ports?: readonly number[];
  /** A folder to keep over restarts. */
  readonly data?: string;
  readonly until?: 'ready' | 'alive';
}

export async function startReplica(options: ReplicaOptions): Promise<Replica> {
  const { consul, directory, caFile, store, env = {}, more, data, until = 'ready' } = options;
  const [web = 0, secure = 0] = options.ports ?? (await freePorts(2));
  const site = await startSite({
    ...{ consul, web, env, until, ...(data !== undefined && { data }) },
    flags: ['--https', `127.0.0.1:${secure}`, '--workers', '1'],
    config: `tls:
  strict: true
  acme:
    directory: ${directory}
    caFile: ${caFile}
    store: ${store}
    settle: 400ms
    ${more}
`,
  });
  return { ...site, secure };
}

export interface AcmeView {
  readonly problem: unknown;
  readonly certificates: readonly {
    readonly id: string;
    readonly state: string;
    readonly notAfter: string | null;
    readonly renewAt: string | null;
  }[];
}

export async function acmeOf(site: Site): Promise<AcmeView> {
  return (JSON.parse((await site.ask('/api/certificates')).body) as { acme: AcmeView }).acme;
}

/** The certificate a client gets that trusts this authority alone. */
export async function served({ secure }: Replica, servername: string, root: string): Promise<string> {
  const shaken = await shake(secure, { servername, ca: root, rejectUnauthorized: true });
  const { fingerprint256 } = shaken.socket.getPeerX509Certificate()!;
  shaken.close();
  return fingerprint256;
}

/** How many certificates this replica has ordered. */
export const ordersOf = (site: Site): Promise<number> =>
  site.metric('fairlead_acme_orders_total', { result: 'issued' });
