import { consulTemplateFunctions } from './functions/functions.ts';
import { hintFor } from './functions/hints.ts';
import type { World } from './functions/world.ts';
import { FunctionError, TemplateError } from './template/errors.ts';
import type { TemplateFunction } from './template/functions.ts';
import { variadic } from './template/functions.ts';
import { anyType } from './template/kinds.ts';
import type { Template } from './template/nodes.ts';
import { parseTemplate } from './template/parser.ts';

export interface ParseSource {
  readonly text: string;
  /** The file it is from, as errors name it. */
  readonly name: string;
  readonly leftDelimiter: string;
  readonly rightDelimiter: string;
}

export type Functions = ReadonlyMap<string, TemplateFunction>;

/** Reads a template; where it uses a function that is not there, the error says why or what to write instead. */
export function parseWithHints(source: ParseSource, functions: Functions): Template {
  const { text, name, leftDelimiter, rightDelimiter } = source;
  try {
    return parseTemplate(text, { name, leftDelimiter, rightDelimiter, functions });
  } catch (error) {
    const unknown =
      error instanceof TemplateError ? /^function "([^"]+)" not defined$/.exec(error.reason) : null;
    const hint = unknown === null ? null : hintFor(unknown[1]!, (word) => functions.has(word));
    if (hint === null) throw error;
    const { phase, template, line, column, reason, message } = error as TemplateError;
    throw new TemplateError(
      { phase, template, line, column },
      `${message}: ${hint}`,
      `${reason}: ${hint}`,
      error,
    );
  }
}

const denied = variadic([], anyType, () => {
  throw new FunctionError('function is disabled');
});

/** consul-template's functions without those whose name a pattern names; `*` is any text. */
export function functionsWithout(world: World, denylist: readonly string[]): Functions {
  const all = consulTemplateFunctions(world);
  if (denylist.length === 0) return all;
  const patterns = denylist.map(
    (pattern) => new RegExp(`^${pattern.split('*').map(escapeRegExp).join('.*')}$`),
  );
  const isDenied = (name: string): boolean => patterns.some((pattern) => pattern.test(name));
  return new Map([...all].map(([name, does]) => [name, isDenied(name) ? denied : does]));
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
