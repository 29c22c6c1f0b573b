import { editDistance } from './claim.ts';
import { compareText } from './host-routes.ts';

/** So many are worth reading. */
const MAX_SHOWN = 5;
/** Further apart, two names are not a slip of the pen. */
const MAX_EDITS = 2;
/** Pairs of letters that are compared for one question: some 50 ms, and all of 20,000 ordinary names. */
const MAX_STEPS = 10_000_000;

/**
 * Hosts of rules that somebody who asks for `host` may have meant, the likeliest first: with or without `www.`, a wildcard
 * that begins one label further down, and slips of the pen.
 */
export function nearHosts(host: string, known: Iterable<string>): string[] {
  const bare = withoutWww(host);
  const found = new Map<string, number>();
  let steps = 0;
  for (const name of known) {
    if (name === '' || name === host || found.has(name)) continue;
    if (name === `*.${host}` || withoutWww(name) === bare) found.set(name, 0);
    else if (Math.abs(name.length - host.length) <= MAX_EDITS && steps < MAX_STEPS) {
      steps += name.length * host.length;
      const edits = editDistance(host, name);
      if (edits <= MAX_EDITS) found.set(name, edits);
    }
  }
  return [...found]
    .sort(([a, farA], [b, farB]) => farA - farB || compareText(a, b))
    .slice(0, MAX_SHOWN)
    .map(([name]) => name);
}

function withoutWww(host: string): string {
  return host.startsWith('www.') ? host.slice(4) : host;
}
