import { isIP } from 'node:net';

/** One certificate to have. `id` is also a key of the store: a wildcard's `*` becomes `_`, which no host name has. */
export interface CertificatePlan {
  readonly id: string;
  readonly names: readonly string[];
}

export interface RefusedName {
  readonly name: string;
  readonly reason: string;
}

export interface NamePlan {
  readonly plans: readonly CertificatePlan[];
  readonly refused: readonly RefusedName[];
}

export interface NameRules {
  /** Only dns-01 proves a wildcard (RFC 8555 §8.4 and §7.1.3). */
  readonly wildcards: boolean;
  /** For an authority of one's own: names that no public one would ever sign. */
  readonly privateNames: boolean;
}

/** RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476 and ICANN's reserved `internal`. */
const privateSuffixes = [
  ...['local', 'localhost', 'internal', 'intranet', 'lan', 'home', 'corp', 'private', 'consul'],
  ...['test', 'example', 'invalid', 'onion', 'alt', 'arpa'],
];
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * One certificate per name, so that one name that fails never holds up another. A wildcard serves the names directly
 * below it: they need none of their own, and authorities refuse both in one certificate.
 */
export function planCertificates(names: Iterable<string>, rules: NameRules): NamePlan {
  const accepted = new Set<string>();
  const refused: RefusedName[] = [];
  for (const given of names) {
    const name = canonical(given);
    const reason = nameProblem(name, rules);
    if (reason === null) accepted.add(name);
    else refused.push({ name: given.slice(0, 255), reason });
  }
  const needed = [...accepted].filter((name) => !accepted.has(wildcardOver(name)));
  const plans = needed.sort().map((name) => ({ id: planId(name), names: [name] }));
  return { plans, refused };
}

/** As host names are compared: without case and without the root's dot. */
export function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function planId(name: string): string {
  return name.replace('*', '_');
}

function wildcardOver(name: string): string {
  return name.startsWith('*.') ? '' : `*.${name.slice(name.indexOf('.') + 1)}`;
}

/** Why no certificate can be ordered for a name (in canonical form); null when one can. */
export function nameProblem(name: string, rules: NameRules): string | null {
  const isWildcard = name.startsWith('*.');
  const base = isWildcard ? name.slice(2) : name;
  if (name.length > 253) return 'longer than 253 characters';
  if (isIP(base.replace(/^\[|\]$/g, '')) !== 0) return 'an address, not a name';
  const labels = base.split('.');
  if (!labels.every((each) => label.test(each))) return 'not a host name';
  if (/^\d+$/.test(labels.at(-1) ?? '')) return 'not a host name: its last label is a number';
  if (isWildcard && !rules.wildcards) return 'a wildcard needs the challenge dns-01';
  if (rules.privateNames) return null;
  if (labels.length < 2) return 'no public authority signs a name without a dot';
  const suffix = labels.at(-1) ?? '';
  return privateSuffixes.includes(suffix) ? `no public authority signs names below .${suffix}` : null;
}
