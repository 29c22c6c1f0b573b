import { realpathSync } from 'node:fs';
import { normalize, relative, sep } from 'node:path';
import { isMissing } from '../../config/files.ts';
import { fileQuery, parseKey, parseKeys } from '../dependencies/parse-query.ts';
import { keyPairsType } from '../dependencies/types.ts';
import { FunctionError } from '../template/errors.ts';
import type { TemplateFunction } from '../template/functions.ts';
import { List, type Value } from '../template/values.ts';
import { type Named, ofTexts } from './define.ts';
import { trimSpace } from './go-text.ts';
import { fieldOf } from './grouping.ts';
import type { World } from './world.ts';

/** Directly below the prefix; also keys that only begin like it: `ls "a/b"` has those of `a/bc`, as in consul-template. */
function isDirect(pair: Value): boolean {
  const key = fieldOf(pair, 'Key') as string;
  return key !== '' && !key.includes('/');
}

/** Anything below it but folders. */
function isBelow(pair: Value): boolean {
  const key = fieldOf(pair, 'Key') as string;
  return key !== '' && !key.endsWith('/');
}

/** @param mayBeEmpty else the file is not rendered before there is something */
function listing(world: World, isWanted: (pair: Value) => boolean, mayBeEmpty: boolean): TemplateFunction {
  return ofTexts(1, (prefix) => {
    if (prefix === '') return new List(keyPairsType, []);
    const query = parseKeys(prefix);
    const answer = world.ask(query);
    const pairs = answer instanceof List ? answer.items.filter(isWanted) : [];
    if (answer !== undefined && pairs.length === 0 && !mayBeEmpty) world.lack(query);
    return new List(keyPairsType, pairs);
  });
}

/** Where a file really is; a sandbox is left neither by dots nor by links. */
function resolveFile(given: string, sandbox: string | null): string {
  const path = normalize(given);
  if (sandbox === null) return path;
  let root: string;
  try {
    root = realpathSync(normalize(sandbox));
  } catch (error) {
    throw new FunctionError(`failed to resolve sandbox path: ${(error as Error).message}`);
  }
  let target: string;
  try {
    target = realpathSync(path);
  } catch (error) {
    if (!isMissing(error))
      throw new FunctionError(`failed to resolve target path: ${(error as Error).message}`);
    // It may come; where it then leads to is looked at in the next run.
    target = path;
  }
  const way = relative(root, target);
  const isInside = way !== '..' && !way.startsWith(`..${sep}`);
  // A missing one may be named through a link to the sandbox.
  if (isInside || (target === path && !relative(normalize(sandbox), path).startsWith('..'))) return target;
  throw new FunctionError(`'${given}' is outside of sandbox`);
}

/** What reads Consul's keys, and files. */
export function keyFunctions(world: World): Named {
  const recall = (key: string, isAwaited: boolean): Value => world.ask(parseKey(key, isAwaited));
  return [
    ['key', ofTexts(1, (key) => (key === '' ? '' : (recall(key, true) ?? '')))],
    ['keyExists', ofTexts(1, (key) => key !== '' && typeof recall(key, false) === 'string')],
    [
      'keyOrDefault',
      // An empty value counts as none.
      ofTexts(2, (key, otherwise) => (key === '' ? otherwise : recall(key, false) || otherwise)),
    ],
    ['ls', listing(world, isDirect, true)],
    ['safeLs', listing(world, isDirect, false)],
    ['tree', listing(world, isBelow, true)],
    ['safeTree', listing(world, isBelow, false)],
    [
      'file',
      ofTexts(1, (path) => {
        if (path === '') return '';
        return world.ask(fileQuery(resolveFile(trimSpace(path), world.sandboxPath))) ?? '';
      }),
    ],
  ];
}
