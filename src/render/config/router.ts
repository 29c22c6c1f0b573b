import { resolve } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import type { Findings } from '../../config/problem.ts';
import { readStatics } from '../../control/statics.ts';
import { isFilePath } from '../builtin/checks.ts';
import type { ConsulInput } from './consul.ts';
import { placeOf } from './merge.ts';
import type { RenderConfig, RouterPart } from './model.ts';

export interface RouterInput extends ConsulInput, Pick<RenderConfig, 'templates' | 'consul'> {}

/**
 * What built-in targets render besides the catalog: the router's configuration, from where `fairlead run` would take it
 * or from the file that is named. Null when there are no such targets.
 */
export function resolveRouter(input: RouterInput, findings: Findings): RouterPart | null {
  const { given, layers, env, cwd, templates, consul } = input;
  const targets = templates.flatMap(({ source }) => (source.kind === 'builtin' ? [source.name] : []));
  const haproxies = targets.filter((name) => name === 'haproxy').length;
  const idle = [
    ...(targets.length === 0 ? (['router_config', 'runtime_folder'] as const) : []),
    ...(haproxies === 0 ? (['haproxy_socket'] as const) : []),
  ];
  for (const key of idle.filter((each) => given[each])) {
    const target = key === 'haproxy_socket' ? 'built-in target haproxy' : 'built-in target';
    findings.warnings.push(`${placeOf(layers, key)}: ${key} has no effect without a ${target}`);
  }
  if (targets.length === 0) return null;
  if (haproxies > 1 && given.haproxy_socket) {
    const message = 'haproxy_socket belongs to one HAProxy, and there are several such targets';
    findings.problems.push({ at: placeOf(layers, 'haproxy_socket'), message });
  }
  refuseOddPaths(input, findings);
  const named = given.router_config ? resolve(cwd, given.router_config) : undefined;
  const loaded = loadConfig({ flags: { config: named }, env, cwd });
  if (!loaded.ok) {
    const flag = placeOf(layers, 'router_config');
    for (const { at, message } of loaded.problems)
      findings.problems.push({ at: at === 'flag --config' ? flag : at, message });
    return null;
  }
  findings.warnings.push(...loaded.warnings);
  const { config, file } = loaded;
  if (file !== null && config.consul.url !== consul.url)
    findings.warnings.push(
      `${file}: routes are rendered from ${consul.url} and not from ${config.consul.url}: the renderer has one Consul, that of -consul-addr`,
    );
  const statics = readStatics(config);
  if (!statics.ok) {
    findings.problems.push(...statics.problems);
    return null;
  }
  return {
    config,
    statics: statics.entries,
    runtimeFolder: given.runtime_folder ? resolve(cwd, given.runtime_folder) : '/run',
  };
}

/** They stand in the rendered file. */
function refuseOddPaths({ given, layers, cwd }: RouterInput, findings: Findings): void {
  for (const key of ['runtime_folder', 'haproxy_socket'] as const) {
    const path = given[key];
    if (!path || isFilePath(resolve(cwd, path))) continue;
    findings.problems.push({
      at: placeOf(layers, key),
      message: `${key}: nginx and HAProxy cannot write every path: use letters, digits and "/._-"`,
    });
  }
}
