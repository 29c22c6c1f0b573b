import type { Certificate } from '../../../tls/certificate.ts';
import { wildcardFor } from '../../../tls/server-name.ts';
import type { RefusedCertificate } from './source.ts';

/** What is served out of everything that the sources have: pure, so that each rule is one test. */
export interface LiveSet {
  readonly set: readonly Certificate[];
  readonly refused: readonly RefusedCertificate[];
  readonly defaultId: string | null;
  /** When time alone changes the answer next. */
  readonly nextChangeMs: number;
}

export interface LiveSetOptions {
  /** Serves what no other certificate serves; null takes the first one, unless `isStrict`. */
  readonly defaultName: string | null;
  readonly isStrict: boolean;
}

/**
 * Which certificates are served at a moment:
 *
 * - one that is not valid yet waits, and is served from its first second by itself;
 * - one that has expired is set aside where a valid one serves all of its names, and is served otherwise: a person can
 *   look past an expired certificate, and past none at all nobody can;
 * - the same certificate from two sources counts once.
 */
export function chooseLive(
  given: readonly Certificate[],
  { defaultName, isStrict }: LiveSetOptions,
  nowMs: number,
): LiveSet {
  const refused: RefusedCertificate[] = [];
  const unique = [...new Map(given.toReversed().map((each) => [each.id, each])).values()].reverse();
  const started = unique.filter((each) => {
    if (each.notBeforeMs <= nowMs) return true;
    refused.push({ source: each.source, reason: `not valid before ${dateOf(each.notBeforeMs)}` });
    return false;
  });
  const covered = new Set(started.filter((each) => each.notAfterMs > nowMs).flatMap(({ names }) => names));
  const isCovered = (name: string): boolean => covered.has(name) || covered.has(wildcardFor(name) ?? '');
  const set = started.filter((each) => {
    if (each.notAfterMs > nowMs || !each.names.every(isCovered)) return true;
    refused.push({ source: each.source, reason: `expired at ${dateOf(each.notAfterMs)}` });
    return false;
  });
  return {
    set,
    refused,
    defaultId: defaultOf(set, defaultName, isStrict),
    nextChangeMs: nextChange(unique, nowMs),
  };
}

function defaultOf(set: readonly Certificate[], name: string | null, isStrict: boolean): string | null {
  if (name === null) return isStrict ? null : (set[0]?.id ?? null);
  const holders = (each: string): readonly Certificate[] => set.filter(({ names }) => names.includes(each));
  const exact = holders(name);
  const all = exact.length > 0 ? exact : holders(wildcardFor(name) ?? '');
  return all.toSorted((a, b) => b.notAfterMs - a.notAfterMs)[0]?.id ?? null;
}

function nextChange(all: readonly Certificate[], nowMs: number): number {
  let next = Number.POSITIVE_INFINITY;
  for (const { notBeforeMs, notAfterMs } of all) {
    if (notBeforeMs > nowMs) next = Math.min(next, notBeforeMs);
    else if (notAfterMs > nowMs) next = Math.min(next, notAfterMs);
  }
  return next;
}

export function dateOf(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
