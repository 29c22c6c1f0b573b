import { request } from 'undici';
import type { Clock } from '../providers/clock.ts';
import { canonical, nameProblem } from './names.ts';

export interface OnDemandRules {
  /** Host names, or `*.example.com` for what is directly below. */
  readonly allow: readonly string[];
  /** Asked with `?domain=NAME`; 200 allows the name. */
  readonly ask: string | null;
  /** New names in an hour, on this replica. */
  readonly namesPerHour: number;
  readonly privateNames: boolean;
}

export type Permission = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

/** Says whether somebody who connects with an unknown name may have a certificate made for it. */
export interface OnDemandGate {
  permit(name: string, signal: AbortSignal): Promise<Permission>;
  /** Whether a name that was admitted before would be refused today. One that cannot be asked about is not. */
  isRevoked(name: string, signal: AbortSignal): Promise<boolean>;
}

const HOUR_MS = 3_600_000;
const ASK_DEADLINE_MS = 3000;
const NO_ANSWER = 'tls.acme.onDemand.ask did not answer';
const TOO_BUSY = 'too many names are being asked about';
/** Names are free to invent, so refusals are remembered, but neither for long nor many. */
const REFUSAL_MS = 60_000;
const MOST_REFUSALS = 10_000;
const MOST_ASKED_AT_ONCE = 8;

export function createOnDemandGate(rules: OnDemandRules, clock: Clock): OnDemandGate {
  const refusals = new Map<string, { readonly until: number; readonly reason: string }>();
  /** When, by name; the earliest is first. */
  const admitted = new Map<string, number>();
  let asking = 0;

  async function judge(name: string, signal: AbortSignal): Promise<string | null> {
    const reason = nameProblem(name, { wildcards: false, privateNames: rules.privateNames });
    if (reason !== null) return reason;
    if (rules.allow.some((pattern) => matches(pattern, name))) return null;
    if (rules.ask === null) return 'no rule of tls.acme.onDemand allows it';
    if (asking >= MOST_ASKED_AT_ONCE) return TOO_BUSY;
    asking += 1;
    try {
      return await ask(rules.ask, name, signal);
    } finally {
      asking -= 1;
    }
  }

  /** A name that comes again before its certificate does is not a new one. */
  function isSpent(name: string, now: number): boolean {
    for (const [each, at] of admitted) if (at <= now - HOUR_MS) admitted.delete(each);
    return !admitted.has(name) && admitted.size >= rules.namesPerHour;
  }

  return {
    async permit(given, signal) {
      const name = canonical(given);
      const now = clock.now();
      const refused = refusals.get(name);
      if (refused !== undefined && refused.until > now) return { allowed: false, reason: refused.reason };
      refusals.delete(name);
      const reason =
        (await judge(name, signal)) ?? (isSpent(name, now) ? 'too many new names in this hour' : null);
      if (reason === null) {
        if (!admitted.has(name)) admitted.set(name, now);
        return { allowed: true };
      }
      // It says nothing about the name.
      if (reason === TOO_BUSY) return { allowed: false, reason };
      const [oldest] = refusals.keys();
      if (refusals.size >= MOST_REFUSALS && oldest !== undefined) refusals.delete(oldest);
      refusals.set(name, { until: now + REFUSAL_MS, reason });
      return { allowed: false, reason };
    },
    async isRevoked(name, signal) {
      const reason = await judge(name, signal);
      return reason !== null && reason !== NO_ANSWER && reason !== TOO_BUSY;
    },
  };
}

function matches(pattern: string, name: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === name;
  return name.slice(name.indexOf('.')) === pattern.slice(1);
}

async function ask(url: string, name: string, signal: AbortSignal): Promise<string | null> {
  const target = new URL(url);
  target.searchParams.set('domain', name);
  try {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(ASK_DEADLINE_MS)]);
    const { statusCode, body } = await request(target, { signal: deadline });
    await body.dump();
    return statusCode === 200 ? null : `tls.acme.onDemand.ask answered ${statusCode}`;
  } catch {
    return NO_ANSWER;
  }
}
