import type { TemplateFunction } from './functions.ts';
import { quote } from './quote.ts';
import type { State } from './state.ts';
import { indirect } from './truth.ts';
import { Dict, Pointer, Struct, typeOf, type Value, zeroOf } from './values.ts';

/** What `.Name` leads to: a value, or a method that is to be called. */
export type Found =
  | { readonly method: TemplateFunction }
  | { readonly method: null; readonly value: Value; readonly fromAny: boolean };

const absent: Found = { method: null, value: undefined, fromAny: false };

/** One step of a chain: a method first, then a struct's field, then a map's key. */
export function findField(
  state: State,
  receiver: Value,
  fromAny: boolean,
  name: string,
  hasArguments: boolean,
): Found {
  if (receiver === undefined) {
    if (state.missingKey === 'error') state.fail(`nil data; no entry for key ${quote(name)}`);
    return absent;
  }
  const typeName = fromAny ? 'interface {}' : typeOf(receiver)!.name;
  if (receiver === null) state.fail(`nil pointer evaluating ${typeName}.${name}`);
  const target = indirect(receiver);
  const type = typeOf(target)!;
  const method = type.methods.get(name);
  if (method !== undefined) {
    const { params, variadic, call } = method;
    return { method: { params, variadic, call: (args, context) => call(target, args, context) } };
  }
  if (target instanceof Struct) {
    const index = type.fieldIndex.get(name);
    if (index !== undefined) {
      if (hasArguments) state.fail(`${name} has arguments but cannot be invoked as function`);
      const isAny = type.fields[index]!.type.kind === 'interface';
      return { method: null, value: target.values[index], fromAny: isAny };
    }
  }
  if (target instanceof Dict && (type.key!.name === 'string' || type.key!.kind === 'interface')) {
    return entryOf(state, target, name, hasArguments);
  }
  if (target instanceof Pointer && (type.elem!.kind !== 'struct' || type.elem!.fieldIndex.has(name))) {
    state.fail(`nil pointer evaluating ${typeName}.${name}`);
  }
  return state.fail(`can't evaluate field ${name} in type ${typeName}`);
}

function entryOf(state: State, map: Dict, name: string, hasArguments: boolean): Found {
  if (hasArguments) state.fail(`${name} is not a method but has arguments`);
  const elem = map.type.elem!;
  const fromAny = elem.kind === 'interface';
  const value = map.entries.get(name);
  if (value !== undefined) return { method: null, value, fromAny };
  if (state.missingKey === 'default') return absent;
  if (state.missingKey === 'error') state.fail(`map has no entry for key ${quote(name)}`);
  return { method: null, value: zeroOf(elem), fromAny };
}
