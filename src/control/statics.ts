import { whyUnserved } from '../../router/members.ts';
import { parseStaticInstance, parseStaticRule } from '../../router/static.ts';
import type { StaticEntry } from '../../router/static-routes.ts';
import type { Config } from '../config/config.ts';
import type { Problem } from '../config/load.ts';
import { portPolicy } from './policy.ts';

export type Statics =
  | { readonly ok: true; readonly entries: readonly StaticEntry[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Parses the routes of the configuration file; every problem with the place it stands. */
export function readStatics(config: Pick<Config, 'routes' | 'listeners' | 'tcp' | 'udp' | 'admin'>): Statics {
  const { routes, listeners } = config;
  const policy = { listeners: listeners.map(({ name }) => name), ...portPolicy(config) };
  const entries: StaticEntry[] = [];
  const problems: Problem[] = [];
  for (const route of routes) {
    const rule = parseStaticRule(route.rule);
    if (!rule.ok) {
      problems.push({ at: route.at, message: rule.reason });
      continue;
    }
    const unserved = whyUnserved(rule.claim, policy, true);
    if (unserved !== null) {
      problems.push({ at: route.at, message: unserved });
      continue;
    }
    const to: StaticEntry['to'][number][] = [];
    for (const text of route.to) {
      const instance = parseStaticInstance(text);
      if (instance.ok) to.push(instance);
      else problems.push({ at: route.at, message: instance.reason });
    }
    if (to.length === 0 && route.service === null && !rule.claim.redirectOnly && route.to.length === 0) {
      problems.push({ at: route.at, message: 'a route needs "to" or "service"' });
      continue;
    }
    entries.push({ claim: rule.claim, text: route.rule, to, service: route.service });
  }
  return problems.length === 0 ? { ok: true, entries } : { ok: false, problems };
}
