import { accept, type Parsed, parseDuration, quote, refuse } from '../../config/units.ts';

/** Which entries are asked for. */
export type Since =
  | { readonly kind: 'all' }
  /** Those after this version. */
  | { readonly kind: 'version'; readonly version: number }
  /** Those of this moment, in epoch milliseconds, and after it. */
  | { readonly kind: 'time'; readonly atMs: number };

const TIME = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?$/;

/** Reads a version (`4812`), a time (`2026-01-31T12:00:00Z`, a day), or how long ago (`15m`). */
export function parseSince(text: string | null, nowMs: number): Parsed<Since> {
  if (text === null || text === '') return accept({ kind: 'all' });
  if (/^\d{1,15}$/.test(text)) return accept({ kind: 'version', version: Number(text) });
  const atMs = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(atMs)) return accept({ kind: 'time', atMs });
  const ago = parseDuration(text);
  if (ago.ok) return accept({ kind: 'time', atMs: nowMs - ago.value });
  return refuse(
    `since=${quote(text)} is neither a version, nor a time as 2026-01-31T12:00:00Z, nor a duration as 15m`,
  );
}
