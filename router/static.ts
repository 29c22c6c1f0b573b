/** Static routes: the same words as tags, written in the configuration. */

import { type Claim, quote, type Refused, refused, unreadable } from './claim.ts';
import { normaliseHost, parsePort } from './hosts.ts';
import { readRule } from './tags.ts';

export type StaticRule = { readonly ok: true; readonly claim: Claim } | Refused;

/** Reads a rule as tags have it, without `fairlead:`. White space around it does not count. */
export function parseStaticRule(text: string): StaticRule {
  const rule = text.trim();
  if (rule.startsWith('fairlead:')) return refused('a static rule is written without "fairlead:"');
  const claim = readRule(rule);
  return claim.ok ? { ok: true, claim: claim.value } : claim;
}

export interface StaticInstance {
  readonly ok: true;
  /** An IP address without brackets, or a host name in lower case. */
  readonly address: string;
  readonly port: number;
  /** Relative share, 0 to 65535; 1 when none was given. */
  readonly weight: number;
}

/** Reads `ADDRESS:PORT`, optionally followed by `weight=N`; IPv6 addresses stand in brackets. */
export function parseStaticInstance(text: string): StaticInstance | Refused {
  const problem = unreadable(text, { tabs: false });
  if (problem !== null) return refused(problem);
  const [target = '', ...words] = text.trim().split(/ +/);
  const colon = target.lastIndexOf(':');
  const port = colon === -1 || target.endsWith(']') ? null : parsePort(target.slice(colon + 1));
  if (port === null)
    return refused(`instance ${quote(target)} needs a port from 1 to 65535, as in 127.0.0.1:9000`);
  if (!target.startsWith('[') && target.indexOf(':') !== colon) {
    return refused(`instance ${quote(target)} is not ADDRESS:PORT; an IPv6 address stands in brackets`);
  }
  const host = normaliseHost(target.slice(0, colon));
  if (!host.ok) return host;
  if (host.value.startsWith('*')) return refused(`instance ${quote(target)} is a wildcard; write an address`);
  const weight = readWeight(words);
  if (typeof weight === 'string') return refused(weight);
  return { ok: true, address: host.value.replace(/^\[|\]$/g, ''), port, weight };
}

/** The weight, or what is wrong with the words. */
function readWeight(words: readonly string[]): number | string {
  const [word, ...more] = words;
  if (word === undefined) return 1;
  if (more.length > 0) return `an instance takes only weight=N; ${quote(more.join(' '))} is too much`;
  if (!word.startsWith('weight=')) return `unknown option ${quote(word)}; an instance takes only weight=N`;
  const value = word.slice('weight='.length);
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
    return `weight=${quote(value)}: must be a whole number from 0 to 65535`;
  }
  return Number(value);
}
