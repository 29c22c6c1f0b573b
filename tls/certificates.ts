import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Certificate, KeyKind } from './certificate.ts';
import { policy } from './policy.ts';
import { normalizeServerName, wildcardFor } from './server-name.ts';

/** What a handshake gets. Without a certificate the listener answers `unrecognized_name`. */
export type Choice =
  | {
      readonly kind: 'context';
      readonly context: SecureContext;
      readonly certificates: readonly Certificate[];
    }
  | { readonly kind: 'none' };

export interface CertificatesOptions {
  /** Contexts kept ready. One costs some 36 KB outside the heap, and about half a millisecond to make. */
  readonly mostContexts?: number;
  /** Laid over the policy's. */
  readonly context?: Readonly<SecureContextOptions>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const MOST_CONTEXTS = 2_000;
const NONE: Choice = { kind: 'none' };
/**
 * The order inside a context. A socket that is made with it offers all; Node's SNICallback copies nothing but the last
 * one to the connection (measured with 24.21), which must then be the one that every client can use.
 */
const KINDS: readonly KeyKind[] = ['ed25519', 'ec', 'rsa'];

/** The certificates that are live, by name. Replaced as a whole; open connections keep what they began with. */
export class Certificates {
  readonly #mostContexts: number;
  readonly #options: Readonly<SecureContextOptions>;
  readonly #now: () => number;
  #byName: ReadonlyMap<string, readonly Certificate[]> = new Map();
  #default: readonly Certificate[] | null = null;
  /** By the ids that are in it; the one used longest ago is first. */
  #contexts = new Map<string, Choice>();

  constructor(options: CertificatesOptions = {}) {
    this.#mostContexts = options.mostContexts ?? MOST_CONTEXTS;
    this.#options = { ...policy.context, ...options.context };
    this.#now = options.now ?? Date.now;
  }

  /** How many names have a certificate. */
  get size(): number {
    return this.#byName.size;
  }

  /** Replaces everything. Contexts of certificates that stay are kept. */
  apply(set: readonly Certificate[], defaultId: string | null): void {
    const nowMs = this.#now();
    const grouped = new Map<string, Certificate[]>();
    for (const certificate of set) {
      for (const name of certificate.names) {
        const others = grouped.get(name);
        if (others === undefined) grouped.set(name, [certificate]);
        else others.push(certificate);
      }
    }
    const byName = new Map<string, readonly Certificate[]>();
    for (const [name, all] of grouped) byName.set(name, all.length === 1 ? all : bestOfEach(all, nowMs));
    const main = set.find(({ id }) => id === defaultId);
    this.#byName = byName;
    this.#default = main === undefined ? null : (byName.get(main.names[0] ?? '') ?? [main]);
    this.#keepContexts(new Set(set.map(({ id }) => id)));
  }

  /**
   * For the server name of a handshake as it was received; never throws. An empty text stands for none. The context is to
   * be used at once: it is closed when it is replaced, or long unused beside many others.
   */
  contextFor(serverName: string): Choice {
    const certificates = this.#find(serverName) ?? this.#default;
    return certificates === null ? NONE : this.#contextOf(certificates);
  }

  /** Whether the name has a certificate of its own, or its wildcard has. */
  has(serverName: string): boolean {
    return this.#find(serverName) !== undefined;
  }

  /** Exact before wildcard. */
  #find(serverName: string): readonly Certificate[] | undefined {
    const name = normalizeServerName(serverName);
    if (name === null) return undefined;
    const exact = this.#byName.get(name);
    if (exact !== undefined) return exact;
    const wildcard = wildcardFor(name);
    return wildcard === null ? undefined : this.#byName.get(wildcard);
  }

  #contextOf(certificates: readonly Certificate[]): Choice {
    const key = certificates.length === 1 ? certificates[0]!.id : idsOf(certificates);
    const known = this.#contexts.get(key);
    if (known !== undefined) {
      this.#contexts.delete(key);
      this.#contexts.set(key, known);
      return known;
    }
    const choice = this.#create(certificates);
    this.#contexts.set(key, choice);
    if (this.#contexts.size > this.#mostContexts) {
      const [oldest] = this.#contexts.keys();
      this.#forget(oldest!);
    }
    return choice;
  }

  /** Every certificate was read with the same library before; should it be refused nevertheless, nobody gets it. */
  #create(certificates: readonly Certificate[]): Choice {
    try {
      const context = createSecureContext({
        ...this.#options,
        cert: certificates.map(({ certPem }) => certPem),
        key: certificates.map(({ keyPem }) => keyPem),
      });
      return { kind: 'context', context, certificates };
    } catch {
      return NONE;
    }
  }

  #keepContexts(ids: ReadonlySet<string>): void {
    for (const [key] of this.#contexts) {
      if (!key.split(' ').every((id) => ids.has(id))) this.#forget(key);
    }
  }

  /**
   * Connections hold on to what they need of a context. The rest would wait for a major collection, which does not see how
   * much there is to gain: 10,000 names asked for in turn had taken 430 MB. `close` is not in Node's documentation.
   */
  #forget(key: string): void {
    const choice = this.#contexts.get(key)!;
    this.#contexts.delete(key);
    if (choice.kind === 'context') (choice.context.context as { close?(): void }).close?.();
  }
}

/** One certificate of each kind of key: what has not expired before what has, then what lasts longest. */
function bestOfEach(all: readonly Certificate[], nowMs: number): readonly Certificate[] {
  const valid = all.filter(({ notAfterMs }) => notAfterMs > nowMs);
  const best = new Map<KeyKind, Certificate>();
  for (const each of valid.length > 0 ? valid : all) {
    const other = best.get(each.keyKind);
    if (other === undefined || isBetter(each, other)) best.set(each.keyKind, each);
  }
  return KINDS.flatMap((kind) => best.get(kind) ?? []);
}

/** The id decides between equals, so that every worker and every replica serves the same. */
function isBetter(one: Certificate, other: Certificate): boolean {
  if (one.notAfterMs !== other.notAfterMs) return one.notAfterMs > other.notAfterMs;
  return one.id < other.id;
}

function idsOf(certificates: readonly Certificate[]): string {
  return certificates.map(({ id }) => id).join(' ');
}
