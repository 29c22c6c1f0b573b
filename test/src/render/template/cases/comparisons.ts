import type { Case } from '../case.ts';

/** Comparisons, and, or, not. Outputs are what Go gives. */
export const outputs: readonly Case[] = [
  ['eq of strings', '{{eq .str "hello"}} {{eq .str "x"}}', 'true false'],
  ['eq of ints', '{{eq .n 5}} {{eq .n 6}} {{eq .i8 -8}}', 'true false true'],
  ['eq of int and uint', '{{eq .u 7}} {{eq 7 .u}} {{eq .neg .u64}}', 'true true false'],
  ['eq of floats', '{{eq .f 1.5}} {{eq .big 1234567.0}}', 'true true'],
  ['eq of bools', '{{eq .yes true}} {{eq .yes .no}}', 'true false'],
  ['eq of several', '{{eq .n 1 2 5}} {{eq .n 1 2}}', 'true false'],
  ['eq with absence', '{{eq .missing "x"}} {{eq "x" .missing}} {{eq .missing .nil}}', 'false false true'],
  [
    'eq with nil',
    '{{eq .nil nil}} {{eq .noSvc nil}} {{eq .nilMap nil}} {{eq .map nil}}',
    'true true true false',
  ],
  ['eq of a nil list', '{{eq .nilList nil}} {{eq .list nil}} {{eq nil .list}}', 'true false false'],
  ['eq of structs', '{{eq .pair .pair}}', 'true'],
  ['eq of pointers', '{{eq .svc .svc}} {{eq .svc (index .svcs 0)}}', 'true false'],
  ['eq from a pipe', '{{5 | eq .n}}', 'true'],
  ['ne', '{{ne .n 5}} {{ne .str "x"}}', 'false true'],
  ['lt le gt ge of ints', '{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}}', 'true true false true'],
  [
    'order of int and uint',
    '{{lt .neg .u}} {{gt .u64 .n}} {{lt .u .neg}} {{ge .u .neg}}',
    'true true false true',
  ],
  ['order of floats', '{{lt 1.5 .big}} {{ge .f 1.5}}', 'true true'],
  [
    'order of strings is bytewise',
    '{{lt "a" "b"}} {{lt "Z" "a"}} {{lt "z" "é"}} {{lt "\\uffff" "\\U00010000"}}',
    'true true true true',
  ],
  [
    'large integers compare exactly',
    '{{eq .i64 9007199254740992}} {{eq .i64 9007199254740993}}',
    'false true',
  ],
  ['and gives an operand', '{{and 1 0 2}} {{and "a" "b"}} {{and ""  "b"}}.', '0 b .'],
  ['or gives an operand', '{{or 0 "" "x"}} {{or 1 2}} {{or 0 ""}}.', 'x 1 .'],
  ['and stops early', '{{and false (fail "x")}}', 'false'],
  ['or stops early', '{{or true (fail "x")}}', 'true'],
  ['and takes the piped value last', '{{"z" | and "a"}} {{"z" | or "a"}} {{0 | or ""}}', 'z a 0'],
  ['and of one', '{{and 1}} {{or 0}}', '1 0'],
  ['not', '{{not true}} {{not 0}} {{not .missing}} {{not .list}}', 'false true true false'],
  ['and with absence', '{{and .missing 1}} {{or .missing "d"}}', '<no value> d'],
  ['and with nil', '{{or nil "x"}}', 'x'],
  ['eq of defined lists with nil', '{{eq .svc.Next nil}}', 'true'],
  [
    'eq of elements of anything',
    '{{eq (index .any 0) 1}} {{eq (index .any 1) "two"}} {{eq (index .any 2) 3.0}}',
    'true true true',
  ],
];

export const failures: readonly Case[] = [
  [
    'eq without others',
    '{{eq 1}}',
    '1:2: executing "t" at <eq 1>: error calling eq: missing argument for comparison',
  ],
  [
    'lt of bools',
    '{{lt true false}}',
    '1:2: executing "t" at <lt true false>: error calling lt: invalid type for comparison',
  ],
  [
    'lt of a map',
    '{{lt .map 1}}',
    '1:2: executing "t" at <lt .map 1>: error calling lt: invalid type for comparison',
  ],
  [
    'lt of absence',
    '{{lt .missing 1}}',
    '1:2: executing "t" at <lt .missing 1>: error calling lt: invalid type for comparison',
  ],
  [
    'eq of maps',
    '{{eq .map .map}}',
    '1:2: executing "t" at <eq .map .map>: error calling eq: non-comparable type map[Z:0 a:1 b:2 é:3]: map[string]string',
  ],
  [
    'eq of lists',
    '{{eq .list .list}}',
    '1:2: executing "t" at <eq .list .list>: error calling eq: non-comparable type [a b c]: []string',
  ],
  ['ne of three', '{{ne 1 2 3}}', '1:2: executing "t" at <ne>: wrong number of args for ne: want 2 got 3'],
  ['lt of one', '{{lt 1}}', '1:2: executing "t" at <lt>: wrong number of args for lt: want 2 got 1'],
  [
    'ge of a struct',
    '{{ge .pair 1}}',
    '1:2: executing "t" at <ge .pair 1>: error calling ge: invalid type for comparison',
  ],
];
