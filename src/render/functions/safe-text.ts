import { checkAddress } from '../../control/providers/address.ts';
import { FunctionError } from '../template/errors.ts';
import { quote } from '../template/quote.ts';
import { type Named, ofTexts } from './define.ts';

/**
 * Tags, meta and keys are written by others: put into a configuration as they are, a `;` or a line break in one of
 * them rewrites it. These give a text that is one word of the target's language, or an error; consul-template has
 * nothing like them.
 */

const CONTROL = /[\u0000-\u001f\u007f\u0085\u2028\u2029\udc80-\udcff]/u;

function refuse(text: string, why: string): never {
  throw new FunctionError(`${quote(text.slice(0, 100))} ${why}`);
}

function withoutControls(text: string): string {
  return CONTROL.test(text) ? refuse(text, 'has control characters') : text;
}

/** One quoted word of nginx. Its variables begin with a dollar sign, for which nginx has no escape. */
export function nginxQuote(text: string): string {
  if (text.includes('$')) refuse(text, 'has a dollar sign, which nginx would take for a variable');
  return `"${withoutControls(text).replace(/["\\]/g, '\\$&')}"`;
}

/** One quoted word of HAProxy: in single quotes nothing is special; with one inside, double quotes and escapes. */
export function haproxyQuote(text: string): string {
  withoutControls(text);
  return text.includes("'") ? `"${text.replace(/["\\$]/g, '\\$&')}"` : `'${text}'`;
}

/** An address or host name, IPv6 in brackets so that a port can follow. */
export function host(text: string): string {
  const verdict = checkAddress(text);
  if (!verdict.ok) return refuse(text, `is no host: ${verdict.reason}`);
  return verdict.address.includes(':') ? `[${verdict.address}]` : verdict.address;
}

/** A name of an upstream, a backend or a server. */
export function ident(text: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(text)) {
    refuse(text, 'is no identifier: letters, digits, "_", "-" and "." only, at most 128');
  }
  return text;
}

export const safeTextFunctions: Named = [
  ['nginxQuote', ofTexts(1, nginxQuote)],
  ['haproxyQuote', ofTexts(1, haproxyQuote)],
  ['host', ofTexts(1, host)],
  ['ident', ofTexts(1, ident)],
];
