import { posix, resolve } from 'node:path';
import type { Findings } from '../../config/problem.ts';
import { quote } from '../../config/units.ts';
import type { CommandSpec, ConfdBackend, TemplateSpec } from '../config/model.ts';
import type { MainFile, ResourceFile } from './schema.ts';
import type { TomlFile } from './toml.ts';

interface Context {
  readonly root: string;
  readonly backend: ConfdBackend;
  readonly main: MainFile;
}

/** confd knows no limit; a command that hangs would stop everything behind it. */
const commandTimeoutMs = 30_000;

/** One file of `conf.d` as a template of ours; empty when it has a problem. */
export function resolveResource(
  { values: { template }, at }: TomlFile<ResourceFile>,
  { root, backend, main }: Context,
  findings: Findings,
): readonly TemplateSpec[] {
  const mode = template.mode === undefined ? null : parseMode(template.mode);
  if (mode === undefined) {
    findings.problems.push({
      at: at('mode'),
      message: `${quote(template.mode)} is not a file mode: write "0644"`,
    });
    return [];
  }
  for (const key of ['owner', 'group'] as const)
    if (template[key] !== undefined)
      findings.warnings.push(`${at(key)}: ${key} has no effect, as in confd: use uid and gid`);
  if (template.check_cmd !== undefined && !/{{\s*\.src\s*}}/.test(template.check_cmd))
    findings.warnings.push(
      `${at('check_cmd')}: check_cmd does not name {{.src}}, so it does not look at the new file`,
    );
  const source = resolve(root, 'templates', template.src);
  const runs = main['sync-only'] !== true;
  return [
    {
      name: `${template.src} => ${template.dest}`,
      at: at('template'),
      source: { kind: 'file', path: source },
      destination: resolve(root, template.dest),
      language: {
        kind: 'confd',
        // A prefix of the main file replaces the resource's, it is not put before it.
        prefix: posix.join('/', main.prefix || template.prefix || '/'),
        keys: template.keys ?? [],
        backend,
      },
      file: {
        mode,
        user: template.uid === undefined ? null : String(template.uid),
        group: template.gid === undefined ? null : String(template.gid),
        createFolders: false,
        backup: false,
      },
      wait: null,
      check: runs ? commandOf(template.check_cmd) : null,
      command: runs ? commandOf(template.reload_cmd) : null,
      childReload: null,
      commitGroup: null,
      minInstances: new Map(),
      errorFatal: null,
    },
  ];
}

/** The base is found out as Go does: `"0644"` is octal, `"644"` is decimal. */
function parseMode(text: string): number | undefined {
  const isKnown = /^(0[oO]?[0-7]+|0[xX][\da-fA-F]+|0[bB][01]+|[1-9]\d*|0)$/.test(text);
  const isOctal = /^0[0-7]/.test(text);
  const value = isOctal ? Number.parseInt(text, 8) : Number(text);
  return isKnown && value <= 0o7777 ? value : undefined;
}

/** `{{.src}}` becomes the variable that holds the staged file's path. */
function commandOf(text: string | undefined): CommandSpec | null {
  if (text === undefined || text.trim() === '') return null;
  const line = text.replaceAll(/{{\s*\.src\s*}}/g, () => `\${FAIRLEAD_FILE}`);
  return {
    line: { kind: 'shell', text: line },
    timeoutMs: commandTimeoutMs,
    environment: { pristine: false, custom: [], allowlist: [], denylist: [] },
  };
}
