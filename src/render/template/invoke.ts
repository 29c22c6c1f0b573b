import { converted } from './argument-types.ts';
import { FunctionError } from './errors.ts';
import type { CallContext } from './functions.ts';
import type { GoType } from './kinds.ts';
import type { Func, Value } from './values.ts';

/** Calls a function value the way the builtin `call` does, its arguments checked. */
export function invoke(name: string, callee: Func, args: readonly Value[], context: CallContext): Value {
  const { params, variadic, call } = callee.does;
  const wrong = `wrong number of args for ${name}: got ${args.length} want`;
  if (variadic === null && args.length !== params.length)
    throw new FunctionError(`${wrong} ${params.length}`);
  if (args.length < params.length) throw new FunctionError(`${wrong} at least ${params.length}`);
  const fits = args.map((arg, index) => convertedArgument(arg, (params[index] ?? variadic)!, index));
  return call(fits, context);
}

function convertedArgument(arg: Value, type: GoType, index: number): Value {
  try {
    return converted(arg, type);
  } catch (error) {
    throw new FunctionError(`arg ${index}: ${(error as Error).message}`);
  }
}
