import { createHash } from 'node:crypto';
import type { Client, Order as LibraryOrder } from 'acme-client';
import { acmeProblem, type Problem, parseRetryAfter, readProblem } from './problem.ts';
import { createTransport, type Transport } from './transport.ts';

/** The only file that knows acme-client, which is loaded when the first authority is made. */

export interface Order {
  readonly url: string;
  readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  readonly authorizations: readonly string[];
  readonly error?: unknown;
}

export interface Challenge {
  readonly type: string;
  readonly url: string;
  readonly token: string;
  readonly status: string;
  readonly error?: unknown;
}

export interface Authorization {
  readonly url: string;
  readonly status: string;
  /** Without `*.` also for a wildcard. */
  readonly name: string;
  readonly challenges: readonly Challenge[];
}

/** The authority's advice about renewing one certificate, as it was sent. */
export interface RenewalInfo {
  readonly start: number;
  readonly end: number;
  readonly explanation: string | null;
  readonly retryAfterMs: number | null;
}

/** One account at one authority. Everything rejects with `AcmeProblem`. */
export interface Authority {
  /** Makes the account, or finds the one this key has already; resolves with its URL. */
  register(contact: string | null): Promise<string>;
  newOrder(names: readonly string[], extras: OrderExtras): Promise<Order>;
  getOrder(url: string): Promise<Order>;
  getAuthorization(url: string): Promise<Authorization>;
  /** What proves that the account's owner asked: the answer to http-01, and the base of the other two. */
  keyAuthorization(challenge: Challenge): Promise<string>;
  /** Tells the authority to look. */
  respond(challenge: Challenge): Promise<void>;
  finalize(url: string, names: readonly string[], keyPem: string): Promise<Order>;
  certificate(url: string): Promise<string>;
  /** null when the authority gives no such advice. */
  renewalInfo(certId: string): Promise<RenewalInfo | null>;
  close(): Promise<void>;
}

export interface OrderExtras {
  /** certID of the certificate that this order renews (RFC 9773 §5). */
  readonly replaces: string | null;
  readonly profile: string | null;
}

export interface AuthorityOptions {
  readonly directory: string;
  readonly caFile: string | null;
  readonly accountKeyPem: string;
  readonly accountUrl: string | null;
  readonly eab: { readonly kid: string; readonly hmacKey: string } | null;
  readonly agreeTerms: boolean;
  readonly preferredChain: string | null;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** RFC 8555 §6.5 lets us try again for ever; Pebble refuses 5 % of good nonces, and others none. */
const NONCE_RETRIES = 10;

/** What acme-client keeps to itself: its one way to the network. */
interface Inside {
  readonly http: {
    request(url: string, method: string, options?: { readonly data?: unknown }): Promise<unknown>;
    getDirectory(): Promise<{ readonly renewalInfo?: unknown }>;
    maxBadNonceRetries: number;
  };
}

export async function createAuthority(options: AuthorityOptions): Promise<Authority> {
  const library = await import('acme-client');
  const transport = createTransport(options);
  const client = new library.Client({
    directoryUrl: options.directory,
    accountKey: options.accountKeyPem,
    ...(options.accountUrl === null ? {} : { accountUrl: options.accountUrl }),
    ...(options.eab === null ? {} : { externalAccountBinding: options.eab }),
  });
  // Its own requests repeat 429 and 5xx by themselves, for as long as Retry-After says, and turn problem documents
  // into bare texts. Its nonces, signatures and account stay.
  const { http } = client as unknown as Inside;
  http.request = (url, method, given) => transport.send(method, url, given?.data);
  http.maxBadNonceRetries = NONCE_RETRIES;

  return {
    register: (contact) => register(client, contact, options.agreeTerms),
    async newOrder(names, { replaces, profile }) {
      const identifiers = names.map((value) => ({ type: 'dns', value }));
      const extras = { ...(replaces === null ? {} : { replaces }), ...(profile === null ? {} : { profile }) };
      return client.createOrder({ identifiers, ...extras });
    },
    getOrder: (url) => client.getOrder({ url } as LibraryOrder),
    async getAuthorization(url) {
      const [found] = await client.getAuthorizations({ authorizations: [url] } as unknown as LibraryOrder);
      if (found === undefined) throw acmeProblem('bad_answer', `no authorization at ${url}`);
      const challenges = found.challenges as unknown as readonly Challenge[];
      return { url, status: found.status, name: found.identifier.value, challenges };
    },
    // For http-01 and tls-alpn-01 the library gives it as it is; its answer for dns-01 is hashed already.
    keyAuthorization: (challenge) => client.getChallengeKeyAuthorization(asLibrary(challenge)),
    async respond(challenge) {
      await client.completeChallenge(asLibrary(challenge));
    },
    async finalize(url, names, keyPem) {
      const [, csr] = await library.crypto.createCsr({ altNames: [...names] }, keyPem);
      return client.finalizeOrder(await client.getOrder({ url } as LibraryOrder), csr);
    },
    async certificate(url) {
      const order = await client.getOrder({ url } as LibraryOrder);
      return client.getCertificate(order, options.preferredChain ?? undefined);
    },
    async renewalInfo(certId) {
      const { renewalInfo } = await http.getDirectory();
      return typeof renewalInfo === 'string'
        ? readAdvice(transport, renewalInfo, certId, options.now())
        : null;
    },
    close: () => transport.close(),
  };
}

function asLibrary({ url, token }: Challenge): Parameters<Client['completeChallenge']>[0] {
  return { type: 'http-01', status: 'pending', url, token };
}

async function register(client: Client, contact: string | null, agreed: boolean): Promise<string> {
  const contacts = contact === null ? [] : [`mailto:${contact}`];
  await client.createAccount({ termsOfServiceAgreed: agreed, contact: contacts });
  return client.getAccountUrl();
}

/** RFC 9773 §4.1: unauthenticated, below the URL that the directory names. */
async function readAdvice(
  transport: Transport,
  base: string,
  certId: string,
  now: number,
): Promise<RenewalInfo> {
  const { data, headers } = await transport.send('GET', `${base.replace(/\/$/, '')}/${certId}`);
  const { suggestedWindow, explanationURL } = (data ?? {}) as Record<string, unknown>;
  const { start, end } = (suggestedWindow ?? {}) as Record<string, unknown>;
  const window = { start: Date.parse(String(start)), end: Date.parse(String(end)) };
  // RFC 9773 §4.2: a window that ends before it starts is as good as none.
  if (!(window.start < window.end)) throw acmeProblem('bad_answer', 'renewalInfo without a usable window');
  const explanation = typeof explanationURL === 'string' ? explanationURL : null;
  return { ...window, explanation, retryAfterMs: parseRetryAfter(headers['retry-after'], now) };
}

/** The self-signed certificate that answers tls-alpn-01 for one name (RFC 8737 §3). */
export async function challengeCertificate(
  name: string,
  keyAuthorization: string,
): Promise<{ readonly certPem: string; readonly keyPem: string }> {
  const { crypto } = await import('acme-client');
  const key = await crypto.createPrivateEcdsaKey('P-256');
  const subject = { identifier: { type: 'dns', value: name } } as Parameters<
    typeof crypto.createAlpnCertificate
  >[0];
  const [, certificate] = await crypto.createAlpnCertificate(subject, keyAuthorization, key);
  return { certPem: certificate.toString(), keyPem: key.toString() };
}

/** The text of the TXT record for dns-01 (RFC 8555 §8.4). */
export function dnsValue(keyAuthorization: string): string {
  return createHash('sha256').update(keyAuthorization).digest('base64url');
}

/** Why an order or a challenge is invalid, in the authority's words. */
export function errorOf(item: { readonly error?: unknown }, otherwise: string): Problem {
  return item.error === undefined
    ? { type: 'unknown', detail: otherwise, status: 0 }
    : readProblem(item.error, 0);
}
