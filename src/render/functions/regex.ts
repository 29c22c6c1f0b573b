import { RE2JS } from 're2js';
import { FunctionError } from '../template/errors.ts';
import { type Named, ofTexts } from './define.ts';

/** The only file that knows the RE2 library. RE2's time grows with the text alone, whatever the expression. */

/** A template uses a few; expressions made from data must not pile up. */
const MAX_KEPT = 500;
const MAX_EXPRESSION_CHARS = 10_000;
const compiled = new Map<string, RE2JS>();

export function compileRegex(expression: string): RE2JS {
  const known = compiled.get(expression);
  if (known !== undefined) return known;
  if (expression.length > MAX_EXPRESSION_CHARS) {
    throw new FunctionError(`error parsing regexp: longer than ${MAX_EXPRESSION_CHARS} characters`);
  }
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(expression);
  } catch (error) {
    throw new FunctionError((error as Error).message);
  }
  if (compiled.size >= MAX_KEPT) compiled.clear();
  compiled.set(expression, regex);
  return regex;
}

/** One match: where it is, and what its groups took. */
export interface Match {
  readonly start: number;
  readonly end: number;
  group(index: number): string;
  named(name: string): string;
}

/** The first match from a place on. */
function matchFrom(regex: RE2JS, text: string, from: number): Match | null {
  const matcher = regex.matcher(text);
  if (!matcher.find(from)) return null;
  return {
    start: matcher.start(),
    end: matcher.end(),
    group: (index) => (index <= regex.groupCount() ? (matcher.group(index) ?? '') : ''),
    named: (name) => {
      const index = regex.namedGroups()[name];
      return index === undefined ? '' : (matcher.group(index) ?? '');
    },
  };
}

/** Where the next character begins. */
function after(text: string, at: number): number {
  return at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
}

/** Matches as Go lists them: an empty one is left out right after another match. */
export function* matches(regex: RE2JS, text: string): Generator<Match> {
  let from = 0;
  let lastEnd = -1;
  while (from <= text.length) {
    const match = matchFrom(regex, text, from);
    if (match === null) return;
    if (match.end === match.start && match.start === lastEnd) {
      from = after(text, match.end);
      continue;
    }
    lastEnd = match.end;
    from = match.end > match.start ? match.end : after(text, match.end);
    yield match;
  }
}

export function isMatch(expression: string, text: string): boolean {
  return compileRegex(expression).matcher(text).find();
}

export function replaceMatches(
  expression: string,
  text: string,
  replacement: (match: Match) => string,
): string {
  let result = '';
  let last = 0;
  for (const match of matches(compileRegex(expression), text)) {
    result += text.slice(last, match.start) + replacement(match);
    last = match.end;
  }
  return result + text.slice(last);
}

/** Go's Expand: `$1`, `${1}x`, `$name`, `$$`. `$1x` is the group named `1x`. */
export function expand(template: string, match: Match): string {
  return template.replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, bare?: string, braced?: string) => {
    if (whole === '$$') return '$';
    const name = bare ?? braced ?? '';
    return /^\d+$/.test(name) ? match.group(Number(name)) : match.named(name);
  });
}

export const regexFunctions: Named = [
  ['regexMatch', ofTexts(2, (expression, text) => isMatch(expression, text))],
  [
    'regexReplaceAll',
    ofTexts(3, (expression, replacement, text) =>
      replaceMatches(expression, text, (match) => expand(replacement, match)),
    ),
  ],
];
