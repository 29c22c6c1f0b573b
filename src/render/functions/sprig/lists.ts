import { deepEqual } from '../../template/compare.ts';
import { FunctionError } from '../../template/errors.ts';
import { type CallContext, fixed, type TemplateFunction, variadic } from '../../template/functions.ts';
import { anyListType, anyType, intType, sliceOf } from '../../template/kinds.ts';
import { indirect, isTrue } from '../../template/truth.ts';
import { type Int, List, typeOf, type Value } from '../../template/values.ts';
import type { Named } from '../define.ts';
import { itemsOf, toInt64 } from './convert.ts';

const chunksType = sliceOf(anyListType);

const listOf = (items: readonly Value[]): List => new List(anyListType, items);

/** Of a list, whatever its elements are. */
function ofList(doing: string, call: (items: readonly Value[]) => Value): TemplateFunction {
  return fixed([anyType], ([list]) => call(itemsOf(list, doing)));
}

function has(items: readonly Value[], wanted: Value, context: CallContext): boolean {
  context.spend(items.length);
  return items.some((item) => deepEqual(item, wanted));
}

function unique(items: readonly Value[], context: CallContext): List {
  const kept: Value[] = [];
  for (const item of items) if (!has(kept, item, context)) kept.push(item);
  return listOf(kept);
}

/** With a text this is Go's `slice` of sprig on lists only. */
function sliced(list: Value, indexes: readonly Value[]): Value {
  const items = itemsOf(list, 'slice');
  if (items.length === 0) return null;
  const from = indexes.length > 0 ? Number(toInt64(indexes[0])) : 0;
  const to = indexes.length > 1 ? Number(toInt64(indexes[1])) : items.length;
  if (from < 0 || to > items.length || from > to) {
    throw new FunctionError('reflect.Value.Slice: slice index out of bounds');
  }
  return new List((indirect(list) as List).type, items.slice(from, to));
}

function chunked(size: Int, items: readonly Value[]): List {
  const length = Number(size.n);
  if (length < 1) throw new FunctionError('chunk: the size must be at least 1');
  const chunks: Value[] = [];
  for (let at = 0; at < items.length; at += length) chunks.push(listOf(items.slice(at, at + length)));
  return new List(chunksType, chunks);
}

function concatenated(lists: readonly Value[]): List {
  const items = lists.flatMap((list) => {
    if (indirect(list) instanceof List) return itemsOf(list, 'concat');
    throw new FunctionError(`Cannot concat type ${typeOf(list)?.kind ?? 'invalid'} as list`);
  });
  return listOf(items);
}

const list = variadic([], anyType, (items) => listOf(items));
const append = fixed([anyType, anyType], ([items, item]) => listOf([...itemsOf(items, 'push'), item]));

/** Each of these has a `must` twin, which differs in nothing: what is no list fails in both. */
const twins: Named = [
  ['append', append],
  ['push', append],
  ['prepend', fixed([anyType, anyType], ([items, item]) => listOf([item, ...itemsOf(items, 'prepend')]))],
  ['first', ofList('find first', (items) => items[0] ?? null)],
  ['last', ofList('find last', (items) => items.at(-1) ?? null)],
  [
    'rest',
    ofList('find rest', (items) =>
      items.length === 0 ? new List(anyListType, [], true) : listOf(items.slice(1)),
    ),
  ],
  [
    'initial',
    ofList('find initial', (items) =>
      items.length === 0 ? new List(anyListType, [], true) : listOf(items.slice(0, -1)),
    ),
  ],
  ['reverse', ofList('find reverse', (items) => listOf([...items].reverse()))],
  ['compact', ofList('compact', (items) => listOf(items.filter(isTrue)))],
  ['uniq', fixed([anyType], ([items], context) => unique(itemsOf(items, 'find uniq'), context))],
  [
    'without',
    variadic([anyType], anyType, ([items, ...unwanted], context) =>
      listOf(itemsOf(items, 'find without').filter((item) => !has(unwanted, item, context))),
    ),
  ],
  [
    'has',
    fixed([anyType, anyType], ([wanted, items], context) =>
      items === null || items === undefined ? false : has(itemsOf(items, 'find has'), wanted, context),
    ),
  ],
  ['slice', variadic([anyType], anyType, ([items, ...indexes]) => sliced(items, indexes))],
  ['chunk', fixed([intType, anyType], ([size, items]) => chunked(size as Int, itemsOf(items, 'chunk')))],
];

export const listFunctions: Named = [
  ['list', list],
  ['tuple', list],
  ['concat', variadic([], anyType, concatenated)],
  ...twins,
  ...twins.map(([name, does]) => [`must${name.charAt(0).toUpperCase()}${name.slice(1)}`, does] as const),
];
