import { formatUnicode, noFlags } from './format-flags.ts';

/** What names are made of. */
export const LETTER_OR_DIGIT = /^[\p{L}\p{Nd}_]$/u;

/** White space inside actions, and what trim markers take. */
export function isSpace(rune: string): boolean {
  return rune === ' ' || rune === '\t' || rune === '\r' || rune === '\n';
}

/** A character as errors name it: `U+0023 '#'`. */
export function characterName(rune: string): string {
  return formatUnicode(BigInt(rune.codePointAt(0) ?? 0), { ...noFlags(), sharp: true });
}
