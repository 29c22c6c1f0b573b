import { dirname, resolve } from 'node:path';
import type * as z from 'zod';
import { parseYaml, type YamlFile } from './document.ts';
import { displayPath, explainRead, isMissing, largestFile, searchPath } from './files.ts';
import { anchor, type Layer } from './layer.ts';
import type { Findings, Problem } from './problem.ts';
import { fileSchema, type Given, keysAt } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { quote } from './units.ts';

export interface ConfigFile {
  /** Absolute path; null when no file was found. */
  readonly path: string | null;
  readonly layer: Layer;
  /** `file:line:column` of each static route, by its number. */
  readonly routeAt: (index: number) => string;
  /** The same of each entry of `tls.certificates`. */
  readonly certificateAt: (index: number) => string;
}

export interface FileInput {
  /** `--config`, and the environment that may name a file instead. */
  readonly named: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly read: (path: string) => string;
}

const nothing: ConfigFile = {
  path: null,
  layer: { values: {}, http: [], https: [], broken: [], at: () => null },
  routeAt: () => '',
  certificateAt: () => '',
};

/** Nobody reads more of them, and each costs a search for its place. */
const mostIssues = 100;

/** Finds and reads the configuration file. */
export function readConfigFile(input: FileInput, findings: Findings): ConfigFile {
  const source = findSource(input, findings);
  if (source === null) return nothing;
  const { name } = source;
  if (Buffer.byteLength(source.text) > largestFile) {
    findings.problems.push({ at: name, message: 'larger than 1MiB' });
    return { ...nothing, path: source.path };
  }
  const yaml = parseYaml(source.text.replace(/^\uFEFF/, ''), name);
  if (!yaml.ok) {
    findings.problems.push(...yaml.problems);
    return { ...nothing, path: source.path };
  }
  return { path: source.path, ...validate(yaml.file, dirname(source.path), findings) };
}

interface Source {
  readonly path: string;
  /** As people know the file: as they typed it, or short where it was found. */
  readonly name: string;
  readonly text: string;
}

function findSource(input: FileInput, findings: Findings): Source | null {
  const variable = input.env.FAIRLEAD_CONFIG ?? '';
  if (input.named !== undefined) return readSource(input, input.named, 'flag --config', findings);
  if (variable !== '') return readSource(input, variable, 'environment FAIRLEAD_CONFIG', findings);
  for (const path of searchPath(input.env, input.cwd)) {
    try {
      return { path, name: displayPath(path, input.cwd), text: input.read(path) };
    } catch (error) {
      if (isMissing(error)) continue;
      findings.problems.push({
        at: displayPath(path, input.cwd),
        message: `cannot read: ${explainRead(error)}`,
      });
      return null;
    }
  }
  return null;
}

function readSource(input: FileInput, name: string, at: string, findings: Findings): Source | null {
  const path = resolve(input.cwd, name);
  try {
    return { path, name, text: input.read(path) };
  } catch (error) {
    findings.problems.push({ at, message: `cannot read ${name}: ${explainRead(error)}` });
    return null;
  }
}

function validate(file: YamlFile, folder: string, findings: Findings): Omit<ConfigFile, 'path'> {
  const values = file.values ?? {};
  const parsed = fileSchema.safeParse(values);
  const issues = parsed.success ? [] : parsed.error.issues;
  findings.problems.push(...issues.slice(0, mostIssues).flatMap((issue) => describeIssue(issue, file)));
  const usable = parsed.success ? parsed.data : salvage(values, issues);
  return {
    layer: {
      values: anchor(usable, folder),
      http: [],
      https: [],
      broken: issues.map((issue) => issue.path.join('.')),
      at: (key) => file.at(key.split('.')),
    },
    routeAt: (index) => file.at(['routes', index, 'rule']),
    certificateAt: (index) => file.at(['tls', 'certificates', index]),
  };
}

function describeIssue(issue: z.core.$ZodIssue, file: YamlFile): Problem[] {
  const at = file.at(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, mostIssues).map((key) => ({
      at: file.atKey(issue.path, key),
      message: unknownKey(key, issue.path),
    }));
  }
  if (issue.code === 'invalid_key') {
    const name = String(issue.path.at(-1));
    const message = `${quote(name)} is not a listener name: use letters, digits, "-" and "_"`;
    return [{ at: file.atKey(issue.path.slice(0, -1), name), message }];
  }
  const subject = issue.path.length === 0 ? '' : `${keyText(issue.path)}: `;
  return [{ at, message: subject + reasonOf(issue) }];
}

/** `routes[0].to[1]` */
function keyText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function reasonOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_type') return issue.message;
  if (issue.expected === 'array') return 'must be a list';
  const keys = keysAt(issue.path);
  const known = keys.length === 0 ? '' : ` (${keys.join(', ')})`;
  return `must be a group of keys${known}`;
}

function unknownKey(key: string, path: readonly PropertyKey[]): string {
  const known = keysAt(path);
  const hint = didYouMean(key, known);
  const where = path.length === 0 ? '' : ` in ${keyText(path)}`;
  return `unknown key ${quote(key)}${where}${hint === '' ? `; known here: ${known.join(', ')}` : hint}`;
}

/** What remains without the parts that have problems, so that the rest can be checked in the same run. */
function salvage(values: unknown, issues: readonly z.core.$ZodIssue[]): Given {
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys) remove(values, [...issue.path, key]);
    else remove(values, issue.path);
  }
  const parsed = fileSchema.safeParse(values);
  return parsed.success ? parsed.data : {};
}

/** Removes the value at a path; where it is part of a list or a listener, all of that. */
function remove(values: unknown, path: readonly PropertyKey[]): void {
  const list = path.findIndex((part) => typeof part === 'number');
  const parts = path.slice(0, path[0] === 'listeners' ? 2 : list === -1 ? undefined : list);
  const last = parts.at(-1);
  let parent = values as Record<PropertyKey, unknown> | undefined;
  for (const part of parts.slice(0, -1)) parent = parent?.[part] as Record<PropertyKey, unknown> | undefined;
  if (last !== undefined && typeof parent === 'object' && parent !== null) delete parent[last];
}
