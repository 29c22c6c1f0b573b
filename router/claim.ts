/**
 * What reading a tag, a static rule or a command gives: a value, or the reason why not.
 * Readers return both; nothing in `router/` throws.
 */

import type { Balance, RouteOptions, Rule, UpstreamProtocol } from './model.ts';

/** This instance's weight: not given, a relative whole number (native) or a share of the route (Fabio). */
export type Weight =
  | { readonly kind: 'none' }
  | { readonly kind: 'relative'; readonly value: number }
  | { readonly kind: 'fraction'; readonly value: number };

/** What a tag says about the pool behind the route. */
export interface PoolOptions {
  readonly protocol: UpstreamProtocol;
  /** Null when the tag does not choose; the caller's default applies. */
  readonly balance: Balance | null;
  readonly weight: Weight;
  /** At most so many requests at once on each endpoint; null sets no limit. */
  readonly maxconn: number | null;
  /** How the router itself finds out whether the instance is well; absent when the tag asks for nothing. */
  readonly check?: CheckOption;
}

export interface CheckOption {
  /** Path and query, sent as written. */
  readonly path: string;
  readonly intervalMs: number;
}

/** What one tag of one instance asks for. */
export interface Claim {
  readonly rule: Rule;
  readonly options: RouteOptions;
  readonly pool: PoolOptions;
  /** The route answers with a redirect; the instance takes no traffic from it. */
  readonly redirectOnly: boolean;
}

export type TagResult =
  | { readonly kind: 'ignored' }
  | { readonly kind: 'claim'; readonly claim: Claim; readonly dialect: 'fairlead' | 'fabio' }
  | { readonly kind: 'refused'; readonly reason: string };

export interface Refused {
  readonly ok: false;
  /** One line of English for an operator, naming the offending part. */
  readonly reason: string;
}

export type Read<T> = { readonly ok: true; readonly value: T } | Refused;

export function read<T>(value: T): Read<T> {
  return { ok: true, value };
}

export function refused(reason: string): Refused {
  return { ok: false, reason };
}

/** A tag, rule or command line is at most this long, in UTF-16 units. */
const MAX_TEXT = 4096;

const EXCERPT = 60;

/**
 * Control characters, invisible format characters (bidirectional ones among them, Unicode TR 36), line
 * separators and halves of surrogate pairs: with them a text shows otherwise than it reads.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const HIDDEN_BUT_TAB = /(?!\t)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Text safe to show inside a reason: shortened, with quotes escaped and hidden characters spelled out. */
export function excerpt(text: string): string {
  let shown = '';
  for (const char of text.slice(0, EXCERPT)) {
    if (HIDDEN.test(char)) shown += `\\u{${hex(char)}}`;
    else shown += char === '"' || char === '\\' ? `\\${char}` : char;
  }
  return text.length > EXCERPT ? `${shown}…` : shown;
}

/** An excerpt between double quotes. */
export function quote(text: string): string {
  return `"${excerpt(text)}"`;
}

/** Why a text must not be read at all: too long, or with a hidden character. Null when it may. */
export function unreadable(text: string, options: { tabs: boolean }): string | null {
  if (text.length > MAX_TEXT) return `it is ${text.length} characters long; the limit is ${MAX_TEXT}`;
  const hidden = (options.tabs ? HIDDEN_BUT_TAB : HIDDEN).exec(text);
  if (hidden === null) return null;
  return `character U+${hex(hidden[0])} at position ${hidden.index + 1} is not allowed`;
}

function hex(char: string): string {
  return char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
}

/** The name at most two edits away, for a did-you-mean; null when none is near. */
export function nearest(text: string, names: Iterable<string>): string | null {
  let best: string | null = null;
  let least = Math.min(3, text.length);
  for (const name of names) {
    const edits = Math.abs(name.length - text.length) < least ? editDistance(text, name) : least;
    if (edits < least) [best, least] = [name, edits];
  }
  return best;
}

/** Levenshtein's distance, one row at a time. */
export function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = row[j]! + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(replaced, row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
