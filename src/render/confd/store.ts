import { cleanPath, directory } from '../functions/paths.ts';
import { compileRegex } from '../functions/regex.ts';
import { compareText } from '../template/bytes.ts';
import { FunctionError } from '../template/errors.ts';

/** The keys of one of confd's resources, each from a slash on, without the resource's prefix. */
export type ConfdKeys = ReadonlyMap<string, string>;

/** The keys that a pattern matches, sorted. */
export function keysMatching(keys: ConfdKeys, pattern: string): readonly string[] {
  const regex = compileRegex(patternSource(pattern));
  return [...keys.keys()].filter((key) => regex.matcher(key).matches()).sort(compareText);
}

/** Go's path.Match: `*` and `?` stop at slashes, `[a-z]` and `[^a-z]` are one character. */
function patternSource(pattern: string): string {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '\\' && at + 1 < pattern.length) source += literal(pattern.charAt(++at));
    else if (char === '[') {
      const close = pattern.indexOf(']', at + 2);
      if (close < 0) throw new FunctionError('syntax error in pattern');
      const set = pattern.slice(at + 1, close);
      const isNegated = set.startsWith('^');
      const members = (isNegated ? set.slice(1) : set).replace(/[[\]^&]/g, '\\$&');
      source += `[${isNegated ? '^' : ''}${members}]`;
      at = close;
    } else source += literal(char);
  }
  return source;
}

function literal(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|]/, '\\$&');
}

/** Names right below a folder, of keys and of folders; the key's own name where the path is one. */
export function namesBelow(keys: ConfdKeys, path: string): readonly string[] {
  const prefix = cleanPath(path).split('/');
  const names = new Set<string>();
  for (const key of keys.keys()) {
    if (key === path) names.add(key.slice(key.lastIndexOf('/') + 1));
    else if (beginsWith(directory(key).split('/'), prefix)) names.add(stripped(key, path).split('/')[0]!);
  }
  return [...names].sort(compareText);
}

/** Names of the folders right below a folder. */
export function foldersBelow(keys: ConfdKeys, path: string): readonly string[] {
  const prefix = cleanPath(path).split('/');
  const names = new Set<string>();
  for (const key of keys.keys()) {
    const folders = directory(key).split('/');
    if (key.startsWith(path) && beginsWith(folders, prefix) && folders.length > prefix.length)
      names.add(folders[prefix.length]!);
  }
  return [...names].sort(compareText);
}

function stripped(key: string, prefix: string): string {
  const rest = key.startsWith(prefix) ? key.slice(prefix.length) : key;
  return rest.startsWith('/') ? rest.slice(1) : rest;
}

function beginsWith(terms: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((term, at) => term === terms[at]);
}
