import type { Key } from '../template/values.ts';

const LETTER = /^\p{L}$/u;
const DIGIT = /^\p{Nd}$/u;

/** yaml.v2's order of keys: numbers before texts, and texts so that `a2` comes before `a10`. */
export function compareYamlKeys(one: Key, other: Key): number {
  if (typeof one === 'string' && typeof other === 'string') return compareNaturally([...one], [...other]);
  if (typeof one === 'string') return 1;
  if (typeof other === 'string') return -1;
  // true is 1 and comes before it.
  return Number(one) - Number(other) || Number(typeof other === 'boolean') - Number(typeof one === 'boolean');
}

function compareNaturally(a: readonly string[], b: readonly string[]): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const one = a[at]!;
    const other = b[at]!;
    if (one === other) continue;
    const areLetters = [LETTER.test(one), LETTER.test(other)];
    if (areLetters[0] && areLetters[1]) return one.codePointAt(0)! - other.codePointAt(0)!;
    if (areLetters[0] || areLetters[1]) return areLetters[1] ? -1 : 1;
    return compareDigits(a, b, at);
  }
  return a.length - b.length;
}

/** From the first place at which two texts differ, and no letter is at it. */
function compareDigits(a: readonly string[], b: readonly string[], at: number): number {
  // A zero within a number counts as a digit of it, one at its front does not.
  const isWithin = (a[at] === '0' || b[at] === '0') && followsDigit(a, at);
  const one = digitsFrom(a, at);
  const other = digitsFrom(b, at);
  const sizes = [one, other].map((digits) => BigInt((isWithin ? '1' : '0') + digits));
  if (sizes[0] !== sizes[1]) return sizes[0]! < sizes[1]! ? -1 : 1;
  if (one.length !== other.length) return one.length - other.length;
  return a[at]!.codePointAt(0)! - b[at]!.codePointAt(0)!;
}

/** Whether a digit other than zero stands before, with nothing but digits between. */
function followsDigit(runes: readonly string[], at: number): boolean {
  for (let before = at - 1; before >= 0 && DIGIT.test(runes[before]!); before--) {
    if (runes[before] !== '0') return true;
  }
  return false;
}

function digitsFrom(runes: readonly string[], from: number): string {
  let to = from;
  while (to < runes.length && /[0-9]/.test(runes[to]!)) to++;
  return runes.slice(from, to).join('');
}
