import { FunctionError } from '../../../../src/render/template/errors.ts';
import { type Functions, fixed, method, variadic } from '../../../../src/render/template/functions.ts';
import {
  anyMapType,
  anyType,
  boolType,
  defined,
  floatType,
  int64Type,
  intType,
  mapOf,
  pointerTo,
  stringListType,
  stringMapType,
  stringType,
  structType,
  uintType,
} from '../../../../src/render/template/kinds.ts';
import {
  chan,
  Dict,
  dict,
  float,
  func,
  Int,
  int,
  List,
  list,
  nilPointer,
  pointer,
  record,
  stringMap,
  strings,
  uint,
  type Value,
} from '../../../../src/render/template/values.ts';

/** The data of the tables: one of each kind a template can meet. */

const tagsType = defined('main.Tags', stringListType, {
  methods: {
    Contains: method([stringType], (tags, [tag]) => (tags as List).items.includes(tag)),
  },
});

export const serviceType = structType(
  'main.Service',
  [
    ['Name', stringType],
    ['Port', intType],
    ['Tags', tagsType],
    ['Meta', stringMapType],
    ['Any', anyType],
    ['Next', pointerTo(structType('main.Service', []))],
  ],
  {
    methods: {
      Address: method([], (service) => `${name(service)}.local`),
      Join: method([stringType, stringType], (service, [one, other]) => `${name(service)}${one}${other}`),
      Fail: method([], () => {
        throw new FunctionError('method broke');
      }),
    },
  },
);

function name(service: Value): string {
  return (service as ReturnType<typeof record>).values[0] as string;
}

const noService = nilPointer(serviceType);

function service(title: string, port: number, tags: readonly string[], any: Value): Value {
  const tagList = new List(tagsType, tags);
  return pointer(record(serviceType, [title, int(port), tagList, stringMap({ zone: 'a' }), any, noService]));
}

export const pairType = structType('main.Pair', [
  ['Key', stringType],
  ['Value', intType],
]);

const spanType = defined('main.Span', int64Type, { text: (value) => `${(value as Int).n}s` });

export const world: Value = dict(anyMapType, [
  ['str', 'hello'],
  ['empty', ''],
  ['utf', 'héllo, 世界'],
  ['bin', '\udcff\udcfea'],
  ['html', `<a href="x">'&'</a>`],
  ['n', int(5)],
  ['neg', int(-7)],
  ['zero', int(0)],
  ['i64', int(9007199254740993n, 'int64')],
  ['i8', int(-8, 'int8')],
  ['u', uint(7)],
  ['u8', int(200, 'uint8')],
  ['u64', int(18446744073709551615n, 'uint64')],
  ['f', float(1.5)],
  ['big', float(1234567)],
  ['million', float(1_000_000)],
  ['small', float(0.00001)],
  ['yes', true],
  ['no', false],
  ['nil', null],
  ['list', strings(['a', 'b', 'c'])],
  ['ints', list(intType, [int(3), int(1), int(2)])],
  ['any', list(anyType, [int(1), 'two', float(3), null, true])],
  ['none', strings([])],
  ['nilList', new List(stringListType, [], true)],
  ['nilMap', new Dict(stringMapType, new Map(), true)],
  ['map', stringMap({ b: '2', a: '1', é: '3', Z: '0' })],
  [
    'counts',
    dict(mapOf(stringType, intType), [
      ['one', int(1)],
      ['two', int(2)],
    ]),
  ],
  [
    'ports',
    dict(mapOf(intType, stringType), [
      [8080n, 'http'],
      [443n, 'tls'],
      [-1n, 'none'],
    ]),
  ],
  [
    'nested',
    dict(anyMapType, [
      ['a', dict(anyMapType, [['b', 'deep']])],
      ['s', 'text'],
      ['nil', null],
    ]),
  ],
  ['svc', service('web', 80, ['blue', 'green'], 'extra')],
  [
    'svcs',
    list(pointerTo(serviceType), [service('web', 80, ['blue'], null), service('api', 8080, [], int(1))]),
  ],
  ['noSvc', noService],
  ['pair', record(pairType, ['k', int(1)])],
  ['span', new Int(spanType, 5n)],
  ['fn', func(fixed([stringType], ([text]) => `<${text}>`))],
]);

/** Functions of the tables, one for each kind of parameter. */
export const functions: Functions = new Map([
  ['upper', fixed([stringType], ([text]) => (text as string).toUpperCase())],
  ['add', fixed([intType, intType], ([one, other]) => int((one as Int).n + (other as Int).n))],
  ['half', fixed([floatType], ([value]) => value)],
  ['takeUint', fixed([uintType], ([value]) => value)],
  ['takeBool', fixed([boolType], ([value]) => value)],
  ['takeMap', fixed([stringMapType], ([value]) => int((value as Dict).entries.size))],
  ['takeList', fixed([stringListType], ([value]) => int((value as List).items.length))],
  ['takeAny', fixed([anyType], ([value]) => value)],
  ['cat', variadic([], stringType, (parts) => parts.join(''))],
  ['joinWith', variadic([stringType], anyType, ([separator, ...rest]) => `${rest.length}${separator}`)],
  ['nothing', fixed([], () => null)],
  [
    'fail',
    fixed([stringType], ([text]) => {
      throw new FunctionError(text as string);
    }),
  ],
  [
    'loop',
    fixed([intType], ([count]) =>
      chan(
        int64Type,
        (function* () {
          for (let n = 0n; n < (count as Int).n; n++) yield int(n, 'int64');
        })(),
      ),
    ),
  ],
]);
