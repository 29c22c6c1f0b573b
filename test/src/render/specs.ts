import { join } from 'node:path';
import type { CommandSpec, RenderConfig, TemplateSpec } from '../../../src/render/config/model.ts';
import { commandOf } from '../../../src/render/config/values.ts';
import { loaded } from './loading.ts';

/** A shell command with a short timeout. */
export function shell(text: string): CommandSpec {
  const environment = { pristine: false, custom: [], allowlist: [], denylist: [] };
  return {
    line: commandOf(`${text} `.trim().includes(' ') ? text : `exec ${text}`)!,
    timeoutMs: 5000,
    environment,
  };
}

export type SpecChange = Partial<Omit<TemplateSpec, 'file'>> & {
  readonly file?: Partial<TemplateSpec['file']>;
};

/** A template for a file in a folder. */
export function spec(folder: string, name: string, change: SpecChange = {}): TemplateSpec {
  const [base] = loaded({ args: ['-template', `${name}.tmpl:${name}`], cwd: folder }).templates;
  return {
    ...base!,
    name,
    destination: join(folder, name),
    ...change,
    file: { ...base!.file, ...change.file },
  };
}

export function config(folder: string, change: Partial<RenderConfig>): RenderConfig {
  const base = loaded({ args: ['-template', 'a:b', '-data', 'data', '-reload-interval', '0s'], cwd: folder });
  return { ...base, ...change };
}
