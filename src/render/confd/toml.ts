import { parse, TomlError } from 'smol-toml';
import * as z from 'zod';
import { explainRead, readText } from '../../config/files.ts';
import type { Findings } from '../../config/problem.ts';
import { didYouMean } from '../../config/suggest.ts';
import { quote } from '../../config/units.ts';

export interface TomlFile<T> {
  readonly values: T;
  /** `file:line` of a key, or the file. */
  readonly at: (key: string) => string;
}

/** Reads and checks one TOML file; null when that failed, which has been reported then. */
export function readToml<T extends z.ZodObject>(
  path: string,
  name: string,
  schema: T,
  findings: Findings,
): TomlFile<z.output<T>> | null {
  try {
    const source = readText(path);
    const at = (key: string): string => place(source, name, key);
    const parsed = schema.safeParse(parse(source));
    if (parsed.success) return { values: parsed.data, at };
    findings.problems.push(...parsed.error.issues.flatMap((issue) => describe(issue, schema, at)));
  } catch (error) {
    findings.problems.push(explain(error, name));
  }
  return null;
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodObject, at: (key: string) => string) {
  const key = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') {
    const message = issue.code === 'invalid_type' ? 'must be a group of keys' : issue.message;
    return [{ at: at(String(issue.path.at(-1) ?? '')), message: `${key}: ${message}` }];
  }
  const group = issue.path.length === 0 ? schema : schema.shape[String(issue.path[0])];
  const known = group instanceof z.ZodObject ? Object.keys(group.shape) : [];
  return issue.keys.map((each) => ({
    at: at(each),
    message: `unknown key ${quote(each)}${didYouMean(each, known) || `; known here: ${known.join(', ')}`}`,
  }));
}

/** The parser keeps no places; the line that begins with the key is the one meant. */
function place(source: string, name: string, key: string): string {
  const lines = source.split('\n');
  const line = lines.findIndex((each) => {
    const word = /^\s*\[?\s*["']?([\w-]+)/.exec(each)?.[1];
    return word === key;
  });
  return line === -1 ? name : `${name}:${line + 1}:${(lines[line] ?? '').search(/\S/) + 1}`;
}

function explain(error: unknown, name: string) {
  if (!(error instanceof TomlError)) return { at: name, message: `cannot read: ${explainRead(error)}` };
  const [reason = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
  return { at: `${name}:${error.line}:${error.column}`, message: `not valid TOML: ${reason}` };
}
