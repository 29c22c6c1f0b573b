import type { Clock } from '../providers/clock.ts';
import { type Challenge, challengeCertificate } from './authority.ts';
import type { Book, View } from './book.ts';

/** What listeners answer to authorities, on every replica, whoever placed the order. */
export interface ChallengeSnapshot {
  /** For `/.well-known/acme-challenge/TOKEN` on port 80: token → body. */
  readonly http: ReadonlyMap<string, string>;
  /** For TLS connections with ALPN `acme-tls/1` on port 443: name → certificate. */
  readonly tls: ReadonlyMap<string, { readonly certPem: string; readonly keyPem: string }>;
}

export const noChallenges: ChallengeSnapshot = { http: new Map(), tls: new Map() };

/** An authority that has not looked by then will not come any more. */
const LIFE_MS = 15 * 60_000;

/** Makes a challenge known to all replicas; resolves with what takes it back. */
export async function publishChallenge(
  book: Book,
  clock: Clock,
  { token, type }: Challenge,
  name: string,
  keyAuthorization: string,
): Promise<() => Promise<void>> {
  const isTls = type === 'tls-alpn-01';
  const version = await book.write('challenge', token, {
    ...{ token, name, keyAuthorization, expiresAt: clock.now() + LIFE_MS },
    type: isTls ? 'tls-alpn-01' : 'http-01',
    certificate: isTls ? await challengeCertificate(name, keyAuthorization) : null,
  });
  // Only our own: a replica that took the order over has published the same token anew.
  return async () => void (await book.remove('challenge', token, version ?? undefined));
}

/** What a view means for the listeners. */
export function snapshotOf(view: View, now: number): ChallengeSnapshot {
  const http = new Map<string, string>();
  const tls = new Map<string, { certPem: string; keyPem: string }>();
  for (const { type, token, name, keyAuthorization, certificate, expiresAt } of view.challenges.values()) {
    if (expiresAt <= now) continue;
    if (type === 'http-01') http.set(token, keyAuthorization);
    else if (certificate !== null) tls.set(name, certificate);
  }
  return { http, tls };
}
