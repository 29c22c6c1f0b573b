import { type Flags, type LoadResult, loadConfig } from '../../../src/config/load.ts';

export const cwd = '/work-folder';

export interface Given {
  readonly flags?: Flags;
  readonly env?: NodeJS.ProcessEnv;
  /** Content of `fairlead.yaml` in the working directory. */
  readonly yaml?: string;
  /** Further files by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Loads from a file system that holds nothing but what is given. */
export function load({ flags = {}, env = {}, yaml, files = {} }: Given): LoadResult {
  const all = new Map(Object.entries(files));
  if (yaml !== undefined) all.set(`${cwd}/fairlead.yaml`, yaml);
  const read = (path: string): string => {
    const text = all.get(path);
    if (text === undefined) throw Object.assign(new Error('missing'), { code: 'ENOENT' });
    return text;
  };
  return loadConfig({ flags, env: { HOME: '/home/me', ...env }, cwd, read });
}

export function loadOk(given: Given) {
  const result = load(given);
  if (!result.ok) throw new Error(`unexpected problems: ${JSON.stringify(result.problems)}`);
  return result;
}

export function configOf(given: Given) {
  return loadOk(given).config;
}

/** Problems as people see them. */
export function problemsOf(given: Given): readonly string[] {
  const result = load(given);
  return result.ok ? [] : result.problems.map(({ at, message }) => `${at}: ${message}`);
}
