import { resolve } from 'node:path';
import type { Findings } from '../../config/problem.ts';
import type { Layer, PlacedTemplate } from './layer.ts';
import { placeOf } from './merge.ts';
import type {
  CommandLine,
  CommandSpec,
  EnvironmentSpec,
  ExecReload,
  FileSpec,
  TemplateLanguage,
  TemplateSource,
  TemplateSpec,
  WaitSpec,
} from './model.ts';
import type { GivenExec, GivenTemplate } from './schema.ts';

/** How long a check or a reload may take. */
const commandTimeoutMs = 30_000;

interface Context {
  readonly given: Layer['given'];
  readonly layers: readonly Layer[];
  readonly cwd: string;
  readonly dry: boolean;
  readonly findings: Findings;
}

/** The templates of all sources in their order, with what the rest of the configuration says for each. */
export function resolveTemplates(context: Context): readonly TemplateSpec[] {
  const defaultWait = resolveWait(context.given.wait, context);
  return context.layers.flatMap(({ templates }) =>
    templates.map((placed) => resolveTemplate(placed, defaultWait, context)),
  );
}

function resolveTemplate(
  placed: PlacedTemplate,
  defaultWait: WaitSpec | null,
  context: Context,
): TemplateSpec {
  const { given, at } = placed;
  const { cwd, findings } = context;
  const source = resolveSource(given, cwd);
  const destination = given.destination ? resolve(cwd, given.destination) : null;
  if (destination === null && !context.dry)
    findings.problems.push({ at, message: 'has no destination: write IN:OUT, or "destination" in a file' });
  const command = resolveCommand(given);
  const check = resolveCheck(given, context);
  warnOfIdle(placed, findings);
  if (!at.startsWith('flag ')) {
    warnOfComma(command, placed, given.exec?.command == null ? 'command' : 'exec', findings);
    if (given.check != null) warnOfComma(check, placed, 'check', findings);
  }
  return {
    name: `${nameOf(source, given)} => ${given.destination ?? 'standard output'}`,
    ...{ at, source, destination, check, command },
    language: resolveLanguage(given, context),
    file: resolveFile(given),
    wait: given.wait === undefined ? defaultWait : resolveWait(given.wait, context),
    childReload: given.exec === undefined ? null : reloadOf(given.exec),
    commitGroup: given.commit_group || null,
    minInstances: given.min_instances ?? new Map(),
    errorFatal: given.error_fatal ?? context.given.template_error_fatal ?? null,
  };
}

function resolveSource(given: GivenTemplate, cwd: string): TemplateSource {
  if (given.builtin !== undefined) return { kind: 'builtin', name: given.builtin };
  if (given.contents) return { kind: 'contents', text: given.contents };
  return { kind: 'file', path: resolve(cwd, given.source ?? '') };
}

function nameOf(source: TemplateSource, given: GivenTemplate): string {
  if (source.kind === 'file') return given.source ?? source.path;
  return source.kind === 'builtin' ? `builtin ${source.name}` : 'contents';
}

function resolveLanguage(given: GivenTemplate, { given: all, cwd }: Context): TemplateLanguage {
  return {
    kind: 'consul-template',
    leftDelimiter: given.left_delimiter || all.default_delimiters?.left || '{{',
    rightDelimiter: given.right_delimiter || all.default_delimiters?.right || '}}',
    errorOnMissingKey: given.error_on_missing_key ?? false,
    functionDenylist: [...(given.function_denylist ?? []), ...(given.function_blacklist ?? [])],
    sandboxPath: given.sandbox_path ? resolve(cwd, given.sandbox_path) : null,
  };
}

function resolveFile(given: GivenTemplate): FileSpec {
  return {
    mode: given.perms ?? null,
    user: given.user || (given.uid === undefined ? null : String(given.uid)),
    group: given.group || (given.gid === undefined ? null : String(given.gid)),
    createFolders: given.create_dest_dirs ?? true,
    backup: given.backup ?? false,
  };
}

function resolveCommand(given: GivenTemplate): CommandSpec | null {
  const { exec } = given;
  const line = exec?.command ?? given.command ?? null;
  if (line === null || exec?.enabled === false) return null;
  const timeoutMs = exec?.timeout ?? given.command_timeout ?? commandTimeoutMs;
  return { line, timeoutMs, environment: resolveEnvironment(exec) };
}

/** The check of the command line holds for every template that names none itself. */
function resolveCheck(given: GivenTemplate, { given: all }: Context): CommandSpec | null {
  const line = given.check === undefined ? (all.check ?? null) : given.check;
  if (line === null) return null;
  return { line, timeoutMs: commandTimeoutMs, environment: resolveEnvironment(given.exec) };
}

/** null where nothing is said; an empty text is a word, too. */
export function reloadOf({ reload_signal: signal }: GivenExec): ExecReload | null {
  if (signal === undefined) return null;
  return signal === null ? { kind: 'nothing' } : { kind: 'signal', signal };
}

export function resolveEnvironment(exec: GivenExec | undefined): EnvironmentSpec {
  const { pristine, custom, allowlist, denylist, whitelist, blacklist } = exec?.env ?? {};
  return {
    pristine: pristine ?? false,
    custom: custom ?? [],
    allowlist: [...(allowlist ?? []), ...(whitelist ?? [])],
    denylist: [...(denylist ?? []), ...(blacklist ?? [])],
  };
}

/** A wait is on where it has a length, unless it is switched off; without a longest one it is four times the least. */
function resolveWait(
  given: Layer['given']['wait'],
  { given: all, findings, layers }: Context,
): WaitSpec | null {
  if (given === undefined || given.enabled === false) return null;
  const minMs = given.min ?? 0;
  const maxMs = given.max ?? 4 * minMs;
  if (maxMs === 0) return null;
  // The group is checked as it stands in one source; minimum and maximum may come from two.
  if (maxMs < minMs)
    findings.problems.push({ at: placeOf(layers, 'wait'), message: 'wait: "max" is shorter than "min"' });
  return { minMs, maxMs, initial: all.initial_wait ?? false };
}

/** Keys of a child, which the command of a template is not: consul-template takes them, too, and does nothing with them. */
function warnOfIdle({ given, atKey }: PlacedTemplate, findings: Findings): void {
  for (const key of ['splay', 'kill_signal', 'kill_timeout'] as const) {
    if (given.exec?.[key] === undefined) continue;
    findings.warnings.push(
      `${atKey('exec')}: template.exec.${key} has no effect: it is about a child, in "exec" at the top`,
    );
  }
}

function warnOfComma(
  command: CommandSpec | null,
  { atKey }: PlacedTemplate,
  key: string,
  findings: Findings,
): void {
  if (command === null || !splitsOnCommas(command.line)) return;
  findings.warnings.push(
    `${atKey(key)}: consul-template would split this command at its commas; here it stays as it is (a list is explicit)`,
  );
}

/** A list of several parts says itself where they end. */
export function splitsOnCommas(line: CommandLine): boolean {
  if (line.kind === 'shell') return line.text.includes(',');
  return line.argv.length === 1 && line.argv[0]?.includes(',') === true;
}
