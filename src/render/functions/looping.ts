import { FunctionError } from '../template/errors.ts';
import { variadic } from '../template/functions.ts';
import { anyType, int64Type } from '../template/kinds.ts';
import { chan, Int, int, typeOf, type Value } from '../template/values.ts';
import type { Named } from './define.ts';
import { goInt, wrapping } from './numbers.ts';

function bound(value: Value): bigint {
  if (value instanceof Int) return int(value.n, 'int64').n;
  if (typeof value === 'string') return value === '' ? 0n : wrapping('parseInt', () => goInt(value));
  throw new FunctionError(`loop: bad argument type: ${typeOf(value)?.name ?? '<nil>'}`);
}

function* count(from: bigint, to: bigint): Generator<Value> {
  for (let at = from; at < to; at++) yield int(at, 'int64');
}

export const loopFunctions: Named = [
  [
    'loop',
    variadic([], anyType, (args) => {
      if (args.length !== 1 && args.length !== 2) {
        throw new FunctionError(`loop: wrong number of arguments, expected 1 or 2, but got ${args.length}`);
      }
      const [from, to] = args.length === 1 ? [0n, bound(args[0])] : [bound(args[0]), bound(args[1])];
      return chan(int64Type, count(from, to));
    }),
  ],
];
