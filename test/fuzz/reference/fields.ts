import { elements, isToken, lower } from './characters.ts';
import type { Fields } from './head.ts';

/** Questions to a list of fields. Names are compared without case (RFC 9110 §5.1). */

export function valuesOf(fields: Fields, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    if (lower(fields[at]!) === name) values.push(fields[at + 1]!);
  }
  return values;
}

/** RFC 9110 §7.6.1: all `Connection` lines are one list of tokens. */
export function connectionOptions(fields: Fields): ReadonlySet<string> {
  return new Set(valuesOf(fields, 'connection').flatMap(elements).filter(isToken).map(lower));
}

/** RFC 9112 §9.3. */
export function persists(options: ReadonlySet<string>, minor: number): boolean {
  if (options.has('close')) return false;
  return minor === 1 || options.has('keep-alive');
}
