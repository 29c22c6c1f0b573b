import { isIP } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  getCACertificates,
  type SecureContext,
} from 'node:tls';
import { policy } from './policy.ts';

/** How instances that speak TLS are to prove who they are, and we to them. */
export interface UpstreamTlsConfig {
  /** Authorities instead of the system's; null takes those. */
  readonly caPem: string | null;
  /** Shown to instances that ask for a certificate. */
  readonly client: { readonly certPem: string; readonly keyPem: string } | null;
  /** The name that all instances prove, whatever their routes say; null leaves it to the routes. */
  readonly serverName: string | null;
}

/** Whom an instance is expected to be. */
export interface UpstreamIdentity {
  /** A name in lower case, or an IP address. */
  readonly name: string;
  /** Whatever certificate it shows will do. */
  readonly isInsecure: boolean;
}

/** The authorities, and our own certificate: throws when it and its key do not belong together. */
export function createUpstreamContext({ caPem, client }: UpstreamTlsConfig): SecureContext {
  const { minVersion, maxVersion } = policy.context;
  return createSecureContext({
    ...{ minVersion, maxVersion },
    ca: caPem ?? systemAuthorities(),
    ...(client !== null && { cert: client.certPem, key: client.keyPem }),
  });
}

/** The machine's, with NODE_EXTRA_CA_CERTS; Mozilla's, which come with Node, where the machine has none. */
function systemAuthorities(): string[] {
  const system = getCACertificates('system');
  return system.length === 0 ? getCACertificates('default') : [...system, ...getCACertificates('extra')];
}

/** Makes the options of handshakes with instances. Reading the system's authorities takes a while: it waits for the first. */
export class UpstreamHandshakes {
  readonly #config: UpstreamTlsConfig;
  #context: SecureContext | null = null;

  constructor(config: UpstreamTlsConfig) {
    this.#config = config;
  }

  /** `protocol` is offered by ALPN. */
  options(identity: UpstreamIdentity, protocol: 'http/1.1' | 'h2'): ConnectionOptions {
    this.#context ??= createUpstreamContext(this.#config);
    const name = this.#config.serverName ?? identity.name;
    return {
      secureContext: this.#context,
      ALPNProtocols: [protocol],
      // RFC 6066, 3: an address is no server name.
      servername: isIP(name) === 0 ? name : '',
      rejectUnauthorized: !identity.isInsecure,
      // Node would compare with where it connects to.
      checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    };
  }
}
