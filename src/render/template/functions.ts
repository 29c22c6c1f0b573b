import type { GoType } from './kinds.ts';
import type { Func, Value } from './values.ts';

/** What a function sees of the run that calls it. */
export interface CallContext {
  /** Name of the template that is being executed. */
  readonly template: string;
  /** A defined template's text, with its own `.` and `$`. Its errors end the run: pass them on. */
  render(name: string, data: Value): string;
  /** Calls a function value, its arguments checked. */
  invoke(name: string, callee: Func, args: readonly Value[]): Value;
  /** Spends from the run's budget; functions that loop over their arguments call it. */
  spend(steps: number): void;
  /** Bytes a single string may have. */
  readonly maxStringBytes: number;
}

/**
 * A function a template can call. Arguments arrive checked against `params`: their number, and each one's type, so
 * `call` may cast. It reports a failure by throwing `FunctionError`, data that is not there yet by `MissingData`.
 */
export interface TemplateFunction {
  readonly params: readonly GoType[];
  /** Type of each further argument; null where there are none. */
  readonly variadic: GoType | null;
  readonly call: (args: readonly Value[], context: CallContext) => Value;
}

/** A function that belongs to a value, such as `.Tags.Contains`. */
export interface Method {
  readonly params: readonly GoType[];
  readonly variadic: GoType | null;
  readonly call: (receiver: Value, args: readonly Value[], context: CallContext) => Value;
}

/** By the name templates use. */
export type Functions = ReadonlyMap<string, TemplateFunction>;

export function fixed(params: readonly GoType[], call: TemplateFunction['call']): TemplateFunction {
  return { params, variadic: null, call };
}

export function variadic(
  params: readonly GoType[],
  rest: GoType,
  call: TemplateFunction['call'],
): TemplateFunction {
  return { params, variadic: rest, call };
}

export function method(params: readonly GoType[], call: Method['call']): Method {
  return { params, variadic: null, call };
}
