import { resolve } from 'node:path';
import type { Findings } from '../../config/problem.ts';
import { resolveAdmin } from './admin.ts';
import { type ConsulInput, resolveConsul, resolveRetry } from './consul.ts';
import type { ParsedFlags } from './flags.ts';
import type { Layer } from './layer.ts';
import { judgeLegacy } from './legacy.ts';
import { placeOf } from './merge.ts';
import type { DeduplicateConfig, ExecSpec, RenderConfig, TemplateSpec } from './model.ts';
import { resolveRouter } from './router.ts';
import { reloadOf, resolveEnvironment, resolveTemplates, splitsOnCommas } from './templates.ts';

export interface ResolveInput extends ConsulInput {
  readonly flags: ParsedFlags;
  /** Templates that are not consul-template's. */
  readonly more: readonly TemplateSpec[];
  readonly dry: boolean;
}

/** Turns what was said into what holds; every rule between keys is judged here. */
export function resolveRender(input: ResolveInput, findings: Findings): RenderConfig {
  const { given, layers, env, cwd, dry } = input;
  judgeLegacy(given, layers, findings);
  const templates = [...resolveTemplates({ given, layers, cwd, dry, findings }), ...input.more];
  refuseSameDestination(templates, findings);
  refuseUncatchable(given, layers, findings);
  const exec = resolveExec(input, findings);
  if (templates.length === 0 && exec === null && findings.problems.length === 0)
    findings.problems.push({
      at: 'flag -template',
      message: 'there is nothing to render: give -template IN:OUT, -config PATH, -builtin or -confd DIR',
    });
  const consul = resolveConsul(input, findings);
  return {
    consul,
    retry: resolveRetry(given),
    ...{ templates, exec, dry },
    once: given.once ?? false,
    parseOnly: input.flags.parseOnly,
    logLevel: given.log_level ?? 'info',
    killSignal: given.kill_signal === undefined ? 'SIGINT' : given.kill_signal,
    reloadSignal: given.reload_signal === undefined ? 'SIGHUP' : given.reload_signal,
    pidFile: given.pid_file ? resolve(cwd, given.pid_file) : null,
    dataDir: resolve(cwd, given.data || stateFolder(env)),
    reloadIntervalMs: given.reload_interval ?? 1000,
    minInstances: given.min_instances ?? new Map(),
    admin: resolveAdmin({ given, layers, cwd }, findings),
    deduplicate: resolveDeduplicate(given),
    haproxySocket: given.haproxy_socket ? resolve(cwd, given.haproxy_socket) : null,
    router: resolveRouter({ ...input, templates, consul }, findings),
  };
}

/** As in consul-template, any key of the group turns it on. */
function resolveDeduplicate({ deduplicate }: Layer['given']): DeduplicateConfig | null {
  if (deduplicate === undefined || deduplicate.enabled === false) return null;
  return { prefix: deduplicate.prefix || 'consul-template/dedup', lockMs: deduplicate.ttl ?? 15_000 };
}

function refuseUncatchable(given: Layer['given'], layers: readonly Layer[], findings: Findings): void {
  for (const key of ['kill_signal', 'reload_signal'] as const) {
    const name = given[key];
    if (name !== 'SIGKILL' && name !== 'SIGSTOP') continue;
    findings.problems.push({ at: placeOf(layers, key), message: `${key}: no process can catch ${name}` });
  }
}

/** systemd may name several folders, separated by colons; the first one is ours. */
function stateFolder(env: NodeJS.ProcessEnv): string {
  return (env.STATE_DIRECTORY ?? '').split(':')[0] || '.fairlead';
}

/** Two templates for one file would replace each other's text for ever. */
function refuseSameDestination(templates: readonly TemplateSpec[], findings: Findings): void {
  const byDestination = new Map<string, TemplateSpec>();
  for (const template of templates) {
    if (template.destination === null) continue;
    const other = byDestination.get(template.destination);
    if (other !== undefined)
      findings.problems.push({
        at: template.at,
        message: `${template.destination} is already written by the template at ${other.at}`,
      });
    byDestination.set(template.destination, template);
  }
}

/** `exec { enabled = false }` is honoured, and a dry run starts nothing. */
function resolveExec({ given, layers, dry }: ResolveInput, findings: Findings): ExecSpec | null {
  const exec = given.exec;
  if (exec?.command == null || exec.enabled === false || dry) return null;
  if (splitsOnCommas(exec.command) && isFromFile(layers))
    findings.warnings.push(
      `${placeOf(layers, 'exec', 'command')}: consul-template would split this command at its commas; here it stays as it is`,
    );
  return {
    line: exec.command,
    environment: resolveEnvironment(exec),
    splayMs: exec.splay ?? 0,
    killSignal: exec.kill_signal ?? 'SIGINT',
    killTimeoutMs: exec.kill_timeout ?? 30_000,
    reload: reloadOf(exec) ?? { kind: 'restart' },
    timeoutMs: exec.timeout ?? 0,
  };
}

function isFromFile(layers: readonly Layer[]): boolean {
  return !placeOf(layers, 'exec', 'command').startsWith('flag ');
}
