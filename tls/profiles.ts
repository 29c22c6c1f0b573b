import { createHash } from 'node:crypto';
import { createSecureContext, type SecureContext, type TLSSocketOptions } from 'node:tls';
import type { Certificate } from './certificate.ts';
import { Certificates } from './certificates.ts';
import { policy } from './policy.ts';
import { normalizeServerName } from './server-name.ts';

/** Hosts whose clients are asked for a certificate. */
export interface ClientAuth {
  /** `a.example.com`, or `*.example.com` for everything below it; lower case. */
  readonly hosts: readonly string[];
  /** Authorities a client's certificate may come from, in PEM. */
  readonly caPem: string;
  /** `optional` lets clients in without a certificate, but not with a wrong one. */
  readonly mode: 'required' | 'optional';
}

/** How handshakes for a name are done. */
export interface Profile {
  /** Equal for names that share certificates and client-certificate rule: what such names may share a connection. */
  readonly id: string;
  /** For `new TLSSocket`, beside what is the listener's. */
  readonly options: Readonly<TLSSocketOptions>;
  readonly clientAuth: ClientAuth | null;
  /** Which rules for client certificates it was made under. */
  readonly generation: number;
}

/** RFC 8737, 3. */
export const ACME_PROTOCOL = 'acme-tls/1';

/** Profiles kept; beyond it they are made anew, which costs a hash. */
const MOST_PROFILES = 2_000;

/**
 * The TLS side of a worker: live certificates, client-certificate rules, the ticket key all workers share.
 *
 * The profile is chosen from the ClientHello before the handshake begins, never in a callback during it: OpenSSL looks
 * at a session ticket first, so a name that is only looked at later could be entered with another name's session. Each
 * profile has a session id context of its own; a ticket from elsewhere leads to a full handshake.
 */
export class Profiles {
  readonly certificates: Certificates;
  #clientAuth: readonly ClientAuth[];
  #generation = 0;
  readonly #protocols: readonly string[];
  readonly #byId = new Map<string, Certificate>();
  /** By id; each remembers the context it was made for. */
  readonly #profiles = new Map<string, Made>();
  #challenges: ReadonlyMap<string, Profile> = new Map();
  #ticketKey: Buffer | null = null;

  /** `protocols` are offered by ALPN, best first. */
  constructor(
    clientAuth: readonly ClientAuth[],
    protocols: readonly string[],
    certificates = new Certificates(),
  ) {
    this.#clientAuth = clientAuth;
    this.#protocols = protocols;
    this.certificates = certificates;
  }

  /** Grows when rules for client certificates change: what an earlier handshake asked for may not be enough any more. */
  get generation(): number {
    return this.#generation;
  }

  /** Replaces the rules. One that stays the same stays the same object. */
  setClientAuth(rules: readonly ClientAuth[]): void {
    const before = new Map(this.#clientAuth.map((rule) => [JSON.stringify(rule), rule]));
    this.#clientAuth = rules.map((rule) => before.get(JSON.stringify(rule)) ?? rule);
    this.#generation += 1;
    this.#profiles.clear();
  }

  /** Takes over certificates that came or changed, and drops others; `isReset` begins with none. */
  update(
    set: readonly Certificate[],
    drop: readonly string[],
    defaultId: string | null,
    isReset: boolean,
  ): void {
    if (isReset) this.#byId.clear();
    for (const id of drop) this.#byId.delete(id);
    for (const certificate of set) this.#byId.set(certificate.id, certificate);
    this.certificates.apply([...this.#byId.values()], defaultId);
    this.#profiles.clear();
  }

  /** Certificates for tls-alpn-01 (RFC 8737), each for one name; replaces those before. */
  setChallenges(certificates: readonly Certificate[]): void {
    const challenges = new Map<string, Profile>();
    for (const { id, names, certPem, keyPem } of certificates) {
      const name = names[0] ?? '';
      const context = createSecureContext({ ...policy.context, cert: certPem, key: keyPem });
      const options = { isServer: true, secureContext: context, ALPNProtocols: [ACME_PROTOCOL] };
      challenges.set(name, {
        id: `challenge ${id}`,
        options,
        clientAuth: null,
        generation: this.#generation,
      });
    }
    this.#challenges = challenges;
  }

  /** 48 random bytes that all workers share. Tickets under an earlier key lead to a full handshake, once a client. */
  setTicketKey(key: Uint8Array): void {
    this.#ticketKey = Buffer.from(key);
    // Made again when they are asked for, with this key: of some the context has been closed.
    this.#profiles.clear();
  }

  /** What a client gets that names this server; null when there is no certificate for it. */
  profileFor(serverName: string): Profile | null {
    const choice = this.certificates.contextFor(serverName);
    if (choice.kind === 'none') return null;
    const clientAuth = this.clientAuthFor(serverName);
    const id = idOf(choice.certificates, clientAuth);
    const known = this.#profiles.get(id);
    if (known?.source === choice.context) return known.profile;
    if (this.#profiles.size >= MOST_PROFILES) this.#profiles.clear();
    const made = this.#make(id, choice.context, choice.certificates, clientAuth);
    this.#profiles.set(id, made);
    return made.profile;
  }

  /** For a client that offers `acme-tls/1`: the certificate of a challenge that is under way for this very name. */
  challengeFor(serverName: string): Profile | null {
    const name = this.#challenges.size === 0 ? null : normalizeServerName(serverName);
    return name === null ? null : (this.#challenges.get(name) ?? null);
  }

  /** Exact before the longest wildcard. */
  clientAuthFor(host: string): ClientAuth | null {
    if (this.#clientAuth.length === 0) return null;
    const name = normalizeServerName(host);
    if (name === null) return null;
    for (let rest = name; rest !== ''; ) {
      const wanted = rest === name ? name : `*.${rest}`;
      const found = this.#clientAuth.find(({ hosts }) => hosts.includes(wanted));
      if (found !== undefined) return found;
      const dot = rest.indexOf('.');
      rest = dot < 0 ? '' : rest.slice(dot + 1);
    }
    return null;
  }

  #make(
    id: string,
    source: SecureContext,
    certificates: readonly Certificate[],
    clientAuth: ClientAuth | null,
  ): Made {
    const context = clientAuth === null ? source : contextWith(certificates, clientAuth);
    // `SecureContext` offers these only when it is made, but a store makes its contexts without knowing of sessions.
    context.context.setSessionIdContext(id);
    if (this.#ticketKey !== null) context.context.setTicketKeys(this.#ticketKey);
    const options: TLSSocketOptions = {
      isServer: true,
      secureContext: context,
      ALPNProtocols: [...this.#protocols],
      requestCert: clientAuth !== null,
      rejectUnauthorized: clientAuth?.mode === 'required',
    };
    return { source, context, profile: { id, options, clientAuth, generation: this.#generation } };
  }
}

interface Made {
  /** The store's context it was made for. */
  readonly source: SecureContext;
  readonly context: SecureContext;
  readonly profile: Profile;
}

/** Client authorities are part of a context, so such a host has one of its own. */
function contextWith(certificates: readonly Certificate[], { caPem }: ClientAuth): SecureContext {
  return createSecureContext({
    ...policy.context,
    cert: certificates.map(({ certPem }) => certPem),
    key: certificates.map(({ keyPem }) => keyPem),
    ca: caPem,
  });
}

/** OpenSSL takes 32 bytes. */
function idOf(certificates: readonly Certificate[], clientAuth: ClientAuth | null): string {
  if (certificates.length === 1 && clientAuth === null) return certificates[0]!.id.slice(0, 32);
  const hash = createHash('sha256');
  for (const { id } of certificates) hash.update(id);
  if (clientAuth !== null) hash.update(clientAuth.mode).update(clientAuth.caPem);
  return hash.digest('hex').slice(0, 32);
}
