import type { Case } from '../case.ts';

/** Functions, fields and methods that fail. Errors are in the words of Go. */
export const failures: readonly Case[] = [
  [
    'an error from a function',
    '{{fail "broken"}}',
    '1:2: executing "t" at <fail "broken">: error calling fail: broken',
  ],
  [
    'an error from a function in parentheses',
    '{{upper (fail "broken")}}',
    '1:9: executing "t" at <fail "broken">: error calling fail: broken',
  ],
  [
    'an error from a pipe',
    'a\n  {{"broken" | fail}}',
    '2:15: executing "t" at <fail>: error calling fail: broken',
  ],
  [
    'an error in an argument',
    '{{print (index .list 9)}}',
    '1:9: executing "t" at <index .list 9>: error calling index: index out of range: 9',
  ],
  [
    'an error names its column in bytes',
    'é{{fail "x"}}',
    '1:4: executing "t" at <fail "x">: error calling fail: x',
  ],
  [
    'a missing field of a struct',
    '{{.svc.Nope}}',
    '1:6: executing "t" at <.svc.Nope>: can\'t evaluate field Nope in type interface {}',
  ],
  [
    'a missing field of a plain struct',
    '{{.pair.Nope}}',
    '1:7: executing "t" at <.pair.Nope>: can\'t evaluate field Nope in type interface {}',
  ],
  [
    'a field of a string value',
    '{{.str.x}}',
    '1:6: executing "t" at <.str.x>: can\'t evaluate field x in type interface {}',
  ],
  [
    'a field of an int',
    '{{.n.x}}',
    '1:4: executing "t" at <.n.x>: can\'t evaluate field x in type interface {}',
  ],
  [
    'a field of a slice',
    '{{.list.x}}',
    '1:7: executing "t" at <.list.x>: can\'t evaluate field x in type interface {}',
  ],
  [
    'a field of a map by int',
    '{{.ports.x}}',
    '1:8: executing "t" at <.ports.x>: can\'t evaluate field x in type interface {}',
  ],
  [
    'a field of a nil pointer',
    '{{.noSvc.Name}}',
    '1:8: executing "t" at <.noSvc.Name>: nil pointer evaluating interface {}.Name',
  ],
  [
    'a missing field of a nil pointer',
    '{{.noSvc.Nope}}',
    '1:8: executing "t" at <.noSvc.Nope>: can\'t evaluate field Nope in type interface {}',
  ],
  [
    'a field of a field of a string',
    '{{.nested.s.x}}',
    '1:9: executing "t" at <.nested.s.x>: can\'t evaluate field x in type interface {}',
  ],
  [
    'a field of a nil interface',
    '{{.nil.x}}',
    '1:6: executing "t" at <.nil.x>: nil pointer evaluating interface {}.x',
  ],
  [
    'a field of a nested nil interface',
    '{{.nested.nil.x}}',
    '1:9: executing "t" at <.nested.nil.x>: nil pointer evaluating interface {}.x',
  ],
  [
    'a field of a string in parentheses',
    '{{(print "x").y}}',
    '1:9: executing "t" at <"x">: can\'t evaluate field y in type string',
  ],
  [
    'a field of the elements of a list of anything',
    '{{range .any}}{{.x}}{{end}}',
    '1:16: executing "t" at <.x>: can\'t evaluate field x in type interface {}',
  ],
  [
    'a field of an element in a variable',
    '{{range $v := .any}}{{$v.x}}{{end}}',
    '1:24: executing "t" at <$v.x>: can\'t evaluate field x in type interface {}',
  ],
  [
    'a field of an assigned variable',
    '{{$v := index .any 0}}{{$v.x}}',
    '1:26: executing "t" at <$v.x>: can\'t evaluate field x in type int',
  ],
  ['an undefined variable is assigned', '{{$x = 1}}', '1:7: executing "t" at <1>: undefined variable: $x'],
  [
    'a method that fails',
    '{{.svc.Fail}}',
    '1:6: executing "t" at <.svc.Fail>: error calling Fail: method broke',
  ],
  [
    'too few arguments for a method',
    '{{.svc.Join "a"}}',
    '1:6: executing "t" at <.svc.Join>: wrong number of args for Join: want 2 got 1',
  ],
  [
    'wrong arguments for a method',
    '{{.svc.Join 1 2}}',
    '1:12: executing "t" at <1>: expected string; found 1',
  ],
  [
    'a function that is printed',
    '{{.fn}}',
    '1:2: executing "t" at <{{.fn}}>: can\'t print {{.fn}} of type func',
  ],
  [
    'a channel that is printed',
    '{{loop 1}}',
    '1:2: executing "t" at <{{loop 1}}>: can\'t print {{loop 1}} of type chan int64',
  ],
  [
    'an int that is called',
    '{{call .n}}',
    '1:2: executing "t" at <call .n>: error calling call: non-function .n of type int',
  ],
  ['nil that is called', '{{call nil}}', '1:2: executing "t" at <call nil>: error calling call: call of nil'],
  [
    'absence that is called',
    '{{call .missing}}',
    '1:2: executing "t" at <call .missing>: error calling call: call of nil',
  ],
  [
    'a call with too few arguments',
    '{{call .fn}}',
    '1:2: executing "t" at <call .fn>: error calling call: wrong number of args for .fn: got 0 want 1',
  ],
  [
    'a call with a wrong argument',
    '{{call .fn 1}}',
    '1:2: executing "t" at <call .fn 1>: error calling call: arg 0: value has type int; should be string',
  ],
  [
    'a call without anything',
    '{{call}}',
    '1:2: executing "t" at <call>: wrong number of args for call: want at least 1 got 0',
  ],
  ['indirection through nil', '{{(nil).x}}', '1:3: executing "t" at <nil>: nil is not a command'],
  [
    'a bool for a function of lists',
    '{{takeList true}}',
    '1:11: executing "t" at <true>: can\'t handle true for arg of type []string',
  ],
  [
    'an integer constant that is too large for int',
    '{{print 18446744073709551615}}',
    '1:8: executing "t" at <18446744073709551615>: 18446744073709551615 overflows int',
  ],
];
