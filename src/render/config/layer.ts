import type * as z from 'zod';
import type { Problem } from '../../config/problem.ts';
import { didYouMean } from '../../config/suggest.ts';
import { quote } from '../../config/units.ts';
import { fileSchema, type Given, type GivenTemplate, keysAt } from './schema.ts';

/** What one source says, with the places of what later rules may have to complain about. */
export interface Layer {
  readonly given: Omit<Given, 'template'>;
  readonly templates: readonly PlacedTemplate[];
  readonly at: (path: readonly PropertyKey[]) => string;
}

export interface PlacedTemplate {
  readonly given: GivenTemplate;
  readonly at: string;
  readonly atKey: (key: string) => string;
}

/** Values with their places, from a file or from flags. */
export interface Placed {
  readonly values: unknown;
  readonly at: (path: readonly PropertyKey[]) => string;
  readonly atKey: (path: readonly PropertyKey[], key: string) => string;
}

/** One mistake repeated all over a file is understood after this many. */
const mostIssues = 50;

/** Checks what a source says; what is wrong is reported and the source counts as empty. */
export function validate(placed: Placed, problems: Problem[]): Layer {
  const parsed = fileSchema.safeParse(placed.values);
  if (!parsed.success) {
    problems.push(...parsed.error.issues.slice(0, mostIssues).flatMap((issue) => describe(issue, placed)));
    return { given: {}, templates: [], at: placed.at };
  }
  const { template = [], ...given } = parsed.data;
  const templates = template.map((each, index) => ({
    given: each,
    at: placed.at(['template', index]),
    atKey: (key: string) => placed.atKey(['template', index], key),
  }));
  return { given, templates, at: placed.at };
}

function describe(issue: z.core.$ZodIssue, placed: Placed): Problem[] {
  if (issue.code !== 'unrecognized_keys') {
    const subject = issue.path.length === 0 ? '' : `${keyText(issue.path)}: `;
    return [{ at: placed.at(issue.path), message: subject + reasonOf(issue) }];
  }
  return issue.keys.slice(0, mostIssues).map((key) => {
    const known = keysAt(issue.path);
    const where = issue.path.length === 0 ? '' : ` in ${keyText(issue.path)}`;
    const hint = didYouMean(key, known) || `; known here: ${known.join(', ')}`;
    return { at: placed.atKey(issue.path, key), message: `unknown key ${quote(key)}${where}${hint}` };
  });
}

function reasonOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.join(', ')}`;
  if (issue.code !== 'invalid_type') return issue.message;
  const known = keysAt(issue.path);
  return known.length === 0 ? 'must be a group of keys' : `must be a group of keys (${known.join(', ')})`;
}

/** `template.command`: the number of a template says less than its line, which every message begins with. */
function keyText(path: readonly PropertyKey[]): string {
  return path.filter((part) => typeof part !== 'number').join('.');
}
