import { FunctionError } from '../../template/errors.ts';
import { type CallContext, fixed, variadic } from '../../template/functions.ts';
import { anyType, floatType, intType, sliceOf, stringType } from '../../template/kinds.ts';
import { Float, float, type Int, int, List, type Value } from '../../template/values.ts';
import { type Named, ofTexts } from '../define.ts';
import { int64, smallCount, toFloat64, toInt64 } from './convert.ts';

const intListType = sliceOf(intType);
/** Steps of one sequence. */
const MAX_STEPS = 1_000_000;

function wrapped(n: bigint): Int {
  return int(n, 'int64');
}

function quotient(a: Value, b: Value, divide: (a: bigint, b: bigint) => bigint): Int {
  const divisor = toInt64(b);
  if (divisor === 0n) throw new FunctionError('runtime error: integer divide by zero');
  return wrapped(divide(toInt64(a), divisor));
}

/** Numbers from one to before another, in steps of either sign. */
function steps(from: number, to: number, step: number, context: CallContext): readonly number[] {
  const numbers: number[] = [];
  if (step === 0 || (to - from) / step <= 0) return numbers;
  const count = Math.ceil((to - from) / step);
  if (count > MAX_STEPS) throw new FunctionError(`more than ${MAX_STEPS} numbers`);
  context.spend(count);
  for (let at = 0; at < count; at++) numbers.push(from + at * step);
  return numbers;
}

function untilStep(from: number, to: number, step: number, context: CallContext): List {
  return new List(
    intListType,
    steps(from, to, step, context).map((n) => int(n)),
  );
}

/** Unlike `untilStep` it has the end, and steps by one in whichever direction that is. */
function sequence(bounds: readonly number[], context: CallContext): string {
  const joined = (from: number, to: number, step: number): string =>
    steps(from, to + Math.sign(step), step, context).join(' ');
  const [first = 0, second = 0, third = 0] = bounds;
  switch (bounds.length) {
    case 1:
      return joined(1, first, first < 1 ? -1 : 1);
    case 2:
      return joined(first, second, second < first ? -1 : 1);
    case 3:
      return (third < first && second > 0) || second === 0 ? '' : joined(first, third, second);
    default:
      return '';
  }
}

function round(value: number, places: number, half: number): number {
  const power = 10 ** places;
  const scaled = power * value;
  const fraction = scaled % 1;
  return (fraction >= half ? Math.ceil(scaled) : Math.floor(scaled)) / power;
}

/** Sums of decimals as people write them: 0.1 and 0.2 are 0.3. */
function decimal(
  first: number,
  others: readonly Value[],
  operation: (a: number, b: number) => number,
): Float {
  const result = others.reduce<number>((sum, item) => operation(sum, toFloat64(item)), first);
  return float(Number(result.toPrecision(15)));
}

function extreme(values: readonly Value[], wins: (a: bigint, b: bigint) => boolean): Int {
  const numbers = values.map(toInt64);
  return int64(numbers.reduce((best, n) => (wins(n, best) ? n : best)));
}

function extremeFloat(values: readonly Value[], pick: (...numbers: number[]) => number): Float {
  return float(pick(...values.map(toFloat64)));
}

const max = variadic([anyType], anyType, (values) => extreme(values, (a, b) => a > b));

export const numberFunctions: Named = [
  [
    'add',
    variadic([], anyType, (values) => wrapped(values.reduce<bigint>((sum, n) => sum + toInt64(n), 0n))),
  ],
  ['add1', fixed([anyType], ([n]) => wrapped(toInt64(n) + 1n))],
  ['sub', fixed([anyType, anyType], ([a, b]) => wrapped(toInt64(a) - toInt64(b)))],
  [
    'mul',
    variadic([anyType], anyType, (values) =>
      wrapped(values.reduce<bigint>((sum, n) => BigInt.asIntN(64, sum * toInt64(n)), 1n)),
    ),
  ],
  ['div', fixed([anyType, anyType], ([a, b]) => quotient(a, b, (x, y) => x / y))],
  ['mod', fixed([anyType, anyType], ([a, b]) => quotient(a, b, (x, y) => x % y))],
  ['addf', variadic([], anyType, (values) => decimal(0, values, (a, b) => a + b))],
  ['add1f', fixed([anyType], ([n]) => decimal(toFloat64(n), [float(1)], (a, b) => a + b))],
  ['subf', variadic([anyType], anyType, ([a, ...rest]) => decimal(toFloat64(a), rest, (x, y) => x - y))],
  ['mulf', variadic([anyType], anyType, ([a, ...rest]) => decimal(toFloat64(a), rest, (x, y) => x * y))],
  [
    'divf',
    // The library behind it keeps 16 places of a quotient.
    variadic([anyType], anyType, ([a, ...rest]) =>
      float(rest.reduce<number>((x, y) => Number((x / toFloat64(y)).toFixed(16)), toFloat64(a))),
    ),
  ],
  ['max', max],
  ['biggest', max],
  ['min', variadic([anyType], anyType, (values) => extreme(values, (a, b) => a < b))],
  ['maxf', variadic([anyType], anyType, (values) => extremeFloat(values, Math.max))],
  ['minf', variadic([anyType], anyType, (values) => extremeFloat(values, Math.min))],
  ['ceil', fixed([anyType], ([n]) => float(Math.ceil(toFloat64(n))))],
  ['floor', fixed([anyType], ([n]) => float(Math.floor(toFloat64(n))))],
  [
    'round',
    variadic([anyType, intType], floatType, ([n, places, half]) =>
      float(round(toFloat64(n), smallCount(places, 300), half instanceof Float ? half.n : 0.5)),
    ),
  ],
  ['int', fixed([anyType], ([n]) => int(toInt64(n)))],
  ['int64', fixed([anyType], ([n]) => wrapped(toInt64(n)))],
  ['float64', fixed([anyType], ([n]) => float(toFloat64(n)))],
  [
    'atoi',
    ofTexts(1, (text) =>
      /^[+-]?[0-9]+$/.test(text) ? int(toInt64(text.replace(/^([+-]?)0+(?=.)/, '$1'))) : int(0),
    ),
  ],
  [
    'toDecimal',
    fixed([anyType], ([text]) => wrapped(/^[0-7]+$/.test(String(text)) ? BigInt(`0o${String(text)}`) : 0n)),
  ],
  [
    'until',
    fixed([intType], ([count], context) => {
      const to = smallCount(count, MAX_STEPS);
      return untilStep(0, to, to < 0 ? -1 : 1, context);
    }),
  ],
  [
    'untilStep',
    fixed([intType, intType, intType], ([from, to, step], context) =>
      untilStep(Number((from as Int).n), Number((to as Int).n), Number((step as Int).n), context),
    ),
  ],
  [
    'seq',
    variadic([], intType, (bounds, context) =>
      sequence(
        bounds.map((n) => Number((n as Int).n)),
        context,
      ),
    ),
  ],
  [
    'plural',
    fixed([stringType, stringType, intType], ([one, many, count]) => ((count as Int).n === 1n ? one : many)),
  ],
];
