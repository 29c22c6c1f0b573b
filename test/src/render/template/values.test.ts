import { describe, expect, test } from 'vitest';
import { deepEqual } from '../../../../src/render/template/compare.ts';
import { sprint, sprintf } from '../../../../src/render/template/format.ts';
import {
  anyType,
  assignable,
  defined,
  intType,
  mapOf,
  pointerTo,
  sliceOf,
  stringListType,
  stringMapType,
  stringType,
  structType,
} from '../../../../src/render/template/kinds.ts';
import { isTrue } from '../../../../src/render/template/truth.ts';
import {
  type Dict,
  dict,
  float,
  fromJs,
  int,
  kindOf,
  List,
  list,
  nilPointer,
  pointer,
  stringMap,
  strings,
  struct,
  typeOf,
  uint,
  type Value,
  zeroOf,
} from '../../../../src/render/template/values.ts';
import { rendered } from './case.ts';

const shown = (value: Value): string => sprint([value], 10_000);

describe('kinds', () => {
  test.each<[Value, string, string]>([
    [undefined, 'invalid', '<nil>'],
    [null, 'interface', 'interface {}'],
    [true, 'bool', 'bool'],
    ['a', 'string', 'string'],
    [int(1), 'int', 'int'],
    [int(1, 'int64'), 'int64', 'int64'],
    [uint(1), 'uint', 'uint'],
    [float(1), 'float64', 'float64'],
    [strings([]), 'slice', '[]string'],
    [list(anyType, []), 'slice', '[]interface {}'],
    [stringMap({}), 'map', 'map[string]string'],
    [struct('main.T', []), 'struct', 'main.T'],
    [pointer(struct('main.T', [])), 'ptr', '*main.T'],
    [nilPointer(structType('main.T', [])), 'ptr', '*main.T'],
  ])('%# are told apart', (value, kind, name) => {
    expect(kindOf(value)).toBe(kind);
    expect(typeOf(value)?.name ?? '<nil>').toBe(name);
  });

  test('an integer wraps around at its width', () => {
    expect(int(256, 'uint8').n).toBe(0n);
    expect(int(128, 'int8').n).toBe(-128n);
    expect(int(2n ** 64n - 1n).n).toBe(-1n);
    expect(uint(-1).n).toBe(2n ** 64n - 1n);
  });

  test('a fraction is no integer', () => {
    expect(() => int(1.5)).toThrow(RangeError);
  });

  test('the zero of each kind prints as Go prints it', () => {
    const type = structType('main.T', [
      ['A', stringType],
      ['B', intType],
      ['C', stringListType],
      ['D', stringMapType],
      ['E', pointerTo(structType('main.U', []))],
      ['F', anyType],
    ]);
    expect(sprintf('%+v', [zeroOf(type)], 1_000)).toBe('{A: B:0 C:[] D:map[] E:<nil> F:<nil>}');
    expect(isTrue(zeroOf(type))).toBe(true);
  });
});

describe('what may be assigned to what', () => {
  const tags = defined('main.Tags', stringListType);
  const others = defined('main.Others', stringListType);
  test.each([
    ['itself', stringType, stringType, true],
    ['anything', tags, anyType, true],
    ['a literal type to a defined one', stringListType, tags, true],
    ['a defined type to its literal', tags, stringListType, true],
    ['a defined type to another', tags, others, false],
    ['a list of strings to a list of anything', stringListType, sliceOf(anyType), false],
    ['a map to one made apart', mapOf(stringType, stringType), stringMapType, true],
    ['a defined string to a string', defined('main.S', stringType), stringType, false],
  ])('%s', (_, from, to, expected) => {
    expect(assignable(from, to)).toBe(expected);
  });
});

describe('plain data', () => {
  test('is what JSON would be in Go', () => {
    const value = fromJs({ n: 1, s: 'a', l: [1, null, true], o: { x: {} }, u: undefined });
    expect(sprintf('%v %T', [value, value], 1_000)).toBe(
      'map[l:[1 <nil> true] n:1 o:map[x:map[]] s:a u:<nil>] map[string]interface {}',
    );
    expect(rendered('{{printf "%T" .n}}', 'default', value)).toBe('float64');
  });

  test('keeps keys that mean something to JavaScript', () => {
    const value = fromJs(JSON.parse('{"__proto__": "p", "constructor": "c"}'));
    expect(rendered('{{.__proto__}}{{.constructor}}{{.toString}}', 'default', value)).toBe('pc<no value>');
  });

  test('has no lone surrogates, which stand for bytes here', () => {
    expect(fromJs('a\udcffb')).toBe('a\ufffdb');
  });

  test('that is too deep is refused', () => {
    const deep: unknown[] = [];
    let inner = deep;
    for (let level = 0; level < 200; level++) {
      const next: unknown[] = [];
      inner.push(next);
      inner = next;
    }
    expect(() => fromJs(deep)).toThrow('deeper than 100');
  });

  test('a function is no data', () => {
    expect(() => fromJs(() => 1)).toThrow(TypeError);
  });
});

describe('deep equality', () => {
  const pair = (): Value =>
    struct('main.P', [
      ['A', list(intType, [int(1)])],
      ['B', stringMap({ a: 'b' })],
    ]);
  test.each<[string, Value, Value, boolean]>([
    ['equal structs', pair(), pair(), true],
    ['an int and a float', int(1), float(1), false],
    ['an int and an int64', int(1), int(1, 'int64'), false],
    ['a nil list and an empty one', new List(stringListType, [], true), strings([]), false],
    ['lists of other lengths', strings(['a']), strings(['a', 'b']), false],
    ['maps of other keys', stringMap({ a: '1' }), stringMap({ b: '1' }), false],
    ['pointers to equal things', pointer(strings(['a'])), pointer(strings(['a'])), true],
    ['nil and absence', null, undefined, false],
  ])('%s', (_, one, other, expected) => {
    expect(deepEqual(one, other)).toBe(expected);
  });

  test('of maps that hold themselves ends', () => {
    const looped = (): Dict => {
      const map = dict(mapOf(stringType, anyType), []);
      map.entries.set('self', map);
      return map;
    };
    expect(() => deepEqual(looped(), looped())).toThrow('too large to compare');
    expect(() => shown(looped())).toThrow('nested deeper than 100');
  });
});

test('map keys of several kinds have an order', () => {
  const map = dict(mapOf(anyType, stringType), [
    ['b', '1'],
    [2n, '2'],
    [true, '3'],
    ['a', '4'],
    [1.5, '5'],
    [-1n, '6'],
    [false, '7'],
  ]);
  expect(shown(map)).toBe('map[false:7 true:3 -1:6 2:2 1.5:5 a:4 b:1]');
  expect(rendered('{{range $k, $v := .}}{{$k}} {{end}}', 'default', map)).toBe('false true -1 2 1.5 a b ');
});

test('a pointer within a list prints what it leads to, the same on every run', () => {
  expect(shown(list(anyType, [pointer(struct('main.T', [['A', int(1)]]))]))).toBe('[&{1}]');
});
