import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadRender } from '../../../src/render/config/load.ts';
import type { RenderConfig, TemplateSpec } from '../../../src/render/config/model.ts';

export function folder(files: Readonly<Record<string, string>> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-render-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

export interface Given {
  readonly args?: readonly string[];
  /** Written to `c.hcl`, which is then the first `-config`. */
  readonly hcl?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export function load({ args = [], hcl, env = {}, cwd = folder() }: Given) {
  if (hcl !== undefined) writeFileSync(join(cwd, 'c.hcl'), hcl);
  return loadRender({ args: hcl === undefined ? args : ['-config', 'c.hcl', ...args], env, cwd });
}

export function loaded(given: Given): RenderConfig {
  return loadedWithWarnings(given).config;
}

export function loadedWithWarnings(given: Given) {
  const result = load(given);
  if (result.kind !== 'config') throw new Error(`not loaded: ${JSON.stringify(result)}`);
  return result;
}

/** Problems as people see them. */
export function problemsOf(given: Given): readonly string[] {
  const result = load(given);
  return result.kind === 'refused' ? result.problems.map(({ at, message }) => `${at}: ${message}`) : [];
}

/** The single template of a configuration. */
export function templateOf(given: Given): TemplateSpec {
  const { templates } = loaded(given);
  if (templates.length !== 1) throw new Error(`${templates.length} templates`);
  return templates[0]!;
}
