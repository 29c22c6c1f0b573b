import type { Case } from '../case.ts';

/** Arguments that do not fit. Errors are in the words of Go. */
export const failures: readonly Case[] = [
  [
    'an argument for a field',
    '{{.str 1}}',
    '1:2: executing "t" at <.str>: str is not a method but has arguments',
  ],
  [
    'a pipe into a field',
    '{{1 | .str}}',
    '1:6: executing "t" at <.str>: str is not a method but has arguments',
  ],
  [
    'an argument for a nested field',
    '{{.nested.a 1}}',
    '1:9: executing "t" at <.nested.a>: a is not a method but has arguments',
  ],
  [
    'an argument for a struct field',
    '{{.svc.Name 1}}',
    '1:6: executing "t" at <.svc.Name>: Name has arguments but cannot be invoked as function',
  ],
  [
    'an argument for a literal',
    '{{1 2}}',
    '1:2: executing "t" at <1>: can\'t give argument to non-function 1',
  ],
  [
    'an argument for a string',
    '{{"a" "b"}}',
    '1:2: executing "t" at <"a">: can\'t give argument to non-function "a"',
  ],
  ['an argument for dot', '{{. 1}}', '1:2: executing "t" at <.>: can\'t give argument to non-function .'],
  [
    'an argument for a variable',
    '{{$ 1}}',
    '1:2: executing "t" at <$>: can\'t give argument to non-function $',
  ],
  [
    'an argument for parentheses',
    '{{(print 1) 2}}',
    '1:2: executing "t" at <(print 1) 2>: can\'t give argument to non-function print 1',
  ],
  [
    'a pipe into parentheses',
    '{{1 | (print 2)}}',
    '1:2: executing "t" at <1>: can\'t give argument to non-function print 2',
  ],
  [
    'a pipe into a variable',
    '{{$x := 1}}{{1 | $x}}',
    '1:17: executing "t" at <$x>: can\'t give argument to non-function $x',
  ],
  ['nil as a command', '{{nil}}', '1:2: executing "t" at <nil>: nil is not a command'],
  [
    'too few arguments',
    '{{add 1}}',
    '1:2: executing "t" at <add>: wrong number of args for add: want 2 got 1',
  ],
  [
    'too many arguments',
    '{{add 1 2 3}}',
    '1:2: executing "t" at <add>: wrong number of args for add: want 2 got 3',
  ],
  [
    'too many with the piped one',
    '{{1 | add 2 3}}',
    '1:6: executing "t" at <add>: wrong number of args for add: want 2 got 3',
  ],
  [
    'too few for a variadic function',
    '{{joinWith}}',
    '1:2: executing "t" at <joinWith>: wrong number of args for joinWith: want at least 1 got 0',
  ],
  [
    'no arguments for and',
    '{{and}}',
    '1:2: executing "t" at <and>: wrong number of args for and: want at least 1 got 0',
  ],
  ['a number for a string', '{{upper 1}}', '1:8: executing "t" at <1>: expected string; found 1'],
  ['a bool for a string', '{{upper true}}', '1:8: executing "t" at <true>: expected string; found true'],
  ['a string for an int', '{{add "1" 2}}', '1:6: executing "t" at <"1">: expected integer; found "1"'],
  ['a fraction for an int', '{{add 1.5 2}}', '1:6: executing "t" at <1.5>: expected integer; found 1.5'],
  [
    'a negative number for a uint',
    '{{takeUint -1}}',
    '1:11: executing "t" at <-1>: expected unsigned integer; found -1',
  ],
  ['a string for a float', '{{half "x"}}', '1:7: executing "t" at <"x">: expected float; found "x"'],
  ['a number for a bool', '{{takeBool 1}}', '1:11: executing "t" at <1>: expected bool; found 1'],
  [
    'a number for a map',
    '{{takeMap 1}}',
    '1:10: executing "t" at <1>: can\'t handle 1 for arg of type map[string]string',
  ],
  [
    'an int value for a string',
    '{{upper .n}}',
    '1:8: executing "t" at <.n>: wrong type for value; expected string; got int',
  ],
  [
    'a uint value for an int',
    '{{add .u 1}}',
    '1:6: executing "t" at <.u>: wrong type for value; expected int; got uint',
  ],
  [
    'a wrong value from a pipe',
    '{{.n | upper}}',
    '1:7: executing "t" at <upper>: wrong type for value; expected string; got int',
  ],
  [
    'a wrong value from parentheses',
    '{{upper (add 1 2)}}',
    '1:15: executing "t" at <2>: wrong type for value; expected string; got int',
  ],
  [
    'a wrong map',
    '{{takeMap .counts}}',
    '1:10: executing "t" at <.counts>: wrong type for value; expected map[string]string; got map[string]int',
  ],
  [
    'a wrong list',
    '{{takeList .ints}}',
    '1:11: executing "t" at <.ints>: wrong type for value; expected []string; got []int',
  ],
  [
    'absence for a string',
    '{{upper .missing}}',
    '1:8: executing "t" at <.missing>: invalid value; expected string',
  ],
  [
    'a nil interface for a string',
    '{{upper .nil}}',
    '1:8: executing "t" at <.nil>: wrong type for value; expected string; got interface {}',
  ],
  [
    'absence from a pipe for a string',
    '{{.missing | upper}}',
    '1:13: executing "t" at <upper>: invalid value; expected string',
  ],
  ['nil for a string', '{{upper nil}}', '1:8: executing "t" at <nil>: cannot assign nil to string'],
  ['nil for an int', '{{add nil 1}}', '1:6: executing "t" at <nil>: cannot assign nil to int'],
  [
    'absence for an int',
    '{{add .missing 1}}',
    '1:6: executing "t" at <.missing>: invalid value; expected int',
  ],
];
