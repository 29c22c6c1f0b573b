import type { Case } from '../case.ts';

/** The builtin functions that do not compare. Outputs are what Go gives. */
export const outputs: readonly Case[] = [
  [
    'len',
    '{{len .str}} {{len .utf}} {{len .list}} {{len .map}} {{len .none}} {{len .nilMap}} {{len .bin}}',
    '5 14 3 4 0 0 3',
  ],
  ['len of a defined list', '{{len .svc.Tags}}', '2'],
  ['len of a channel', '{{len (loop 3)}}', '0'],
  ['index of a list', '{{index .list 0}} {{index .list 2}}', 'a c'],
  ['index of a map', '{{index .map "a"}} [{{index .map "x"}}] {{index .counts "x"}}', '1 [] 0'],
  ['index of a map by int', '{{index .ports 443}} [{{index .ports 1}}]', 'tls []'],
  ['index of a map by uint', '{{index .ports .u}}|', '|'],
  ['index by several', '{{index .nested "a" "b"}}', 'deep'],
  ['index by none', '{{index .n}}', '5'],
  [
    'index of a string gives a byte',
    '{{index .str 0}} {{index .utf 1}} {{index .bin 0}} {{printf "%T" (index .str 0)}}',
    '104 195 255 uint8',
  ],
  ['index of absence in a map', '{{index .nested "x"}}|{{print (index .nested "x")}}', '<no value>|<nil>'],
  ['index ignores missingkey', '{{index .map "x"}}|', '|'],
  ['index by uint', '{{index .list (len "a")}}', 'b'],
  ['index of nested elements', '{{(index .any 1)}} {{index .any 3}}', 'two <no value>'],
  [
    'slice of a list',
    '{{slice .list}} {{slice .list 1}} {{slice .list 1 2}} {{slice .list 0 1 2}}',
    '[a b c] [b c] [b] [a]',
  ],
  ['slice of a string', '{{slice .str 1}} {{slice .str 1 3}} {{slice .str}}', 'ello el hello'],
  ['slice of a string cuts bytes', '{{printf "%x" (slice .utf 0 2)}} {{slice .utf 0 3}}', '68c3 hé'],
  ['slice at the end', '{{slice .list 3}} [{{slice .str 5}}]', '[] []'],
  [
    'html',
    '{{html .html}} {{.html | html}} {{html 1 2}} {{html "a" "b"}}',
    '&lt;a href=&#34;x&#34;&gt;&#39;&amp;&#39;&lt;/a&gt; &lt;a href=&#34;x&#34;&gt;&#39;&amp;&#39;&lt;/a&gt; 1 2 ab',
  ],
  ['html of absence', '{{html .missing}}', '&lt;no value&gt;'],
  ['html of a zero byte', '{{printf "%q" (html "a\\x00b")}}', '"a�b"'],
  [
    'js',
    '{{js "it\'s \\"<b>\\" a=b & \\\\ \\n é \\u2028"}}',
    'it\\\'s \\"\\u003Cb\\u003E\\" a\\u003Db \\u0026 \\\\ \\u000A é \\u2028',
  ],
  ['js of bytes', '{{printf "%q" (js .bin)}}', '"\\xff\\xfea"'],
  [
    'urlquery',
    '{{urlquery "a b&c=d/é~"}} {{urlquery 1 2}} {{urlquery "x-y_z.w*"}}',
    'a+b%26c%3Dd%2F%C3%A9~ 1+2 x-y_z.w%2A',
  ],
  ['urlquery of bytes', '{{urlquery .bin}}', '%FF%FEa'],
  [
    'print of several',
    '{{print 1 2}} {{print "a" "b"}} {{print 1 "a" 2}} {{print "a" 1 2 "b"}}',
    '1 2 ab 1a2 a1 2b',
  ],
  ['println', '{{println 1 "a"}}{{println}}', '1 a\n\n'],
  ['print of a pointer to a struct', '{{print .pair}}', '{k 1}'],
  ['call with variables', '{{$f := .fn}}{{call $f "y"}}', '<y>'],
  ['printf from a pipe', '{{.n | printf "%03d"}}', '005'],
];

export const failures: readonly Case[] = [
  ['len of a number', '{{len 3}}', '1:2: executing "t" at <len 3>: error calling len: len of type int'],
  [
    'len of nil',
    '{{len nil}}',
    '1:2: executing "t" at <len nil>: error calling len: reflect: call of reflect.Value.Type on zero Value',
  ],
  [
    'len of absence',
    '{{len .missing}}',
    '1:2: executing "t" at <len .missing>: error calling len: reflect: call of reflect.Value.Type on zero Value',
  ],
  [
    'len of a nil interface',
    '{{len .nil}}',
    '1:2: executing "t" at <len .nil>: error calling len: len of nil pointer',
  ],
  [
    'len of a nil pointer',
    '{{len .noSvc}}',
    '1:2: executing "t" at <len .noSvc>: error calling len: len of nil pointer',
  ],
  [
    'len of a struct',
    '{{len .pair}}',
    '1:2: executing "t" at <len .pair>: error calling len: len of type main.Pair',
  ],
  [
    'index at the length',
    '{{index .list 3}}',
    '1:2: executing "t" at <index .list 3>: error calling index: reflect: slice index out of range',
  ],
  [
    'index beyond',
    '{{index .list 4}}',
    '1:2: executing "t" at <index .list 4>: error calling index: index out of range: 4',
  ],
  [
    'index at the length of a string',
    '{{index .str 5}}',
    '1:2: executing "t" at <index .str 5>: error calling index: reflect: string index out of range',
  ],
  [
    'index below zero',
    '{{index .list -1}}',
    '1:2: executing "t" at <index .list -1>: error calling index: index out of range: -1',
  ],
  [
    'index of nothing in an empty list',
    '{{index .none 0}}',
    '1:2: executing "t" at <index .none 0>: error calling index: reflect: slice index out of range',
  ],
  [
    'index of a list by a string',
    '{{index .list "a"}}',
    '1:2: executing "t" at <index .list "a">: error calling index: cannot index slice/array with type string',
  ],
  [
    'index of a list by nil',
    '{{index .list nil}}',
    '1:2: executing "t" at <index .list nil>: error calling index: cannot index slice/array with nil',
  ],
  [
    'index of a map by a wrong type',
    '{{index .map 1}}',
    '1:2: executing "t" at <index .map 1>: error calling index: value has type int; should be string',
  ],
  [
    'index of a map by nil',
    '{{index .map nil}}',
    '1:2: executing "t" at <index .map nil>: error calling index: value is nil; should be of type string',
  ],
  [
    'index of nil',
    '{{index nil 0}}',
    '1:2: executing "t" at <index nil 0>: error calling index: index of untyped nil',
  ],
  [
    'index of absence',
    '{{index .missing 0}}',
    '1:2: executing "t" at <index .missing 0>: error calling index: index of untyped nil',
  ],
  [
    'index of a nil interface',
    '{{index .nil 0}}',
    '1:2: executing "t" at <index .nil 0>: error calling index: index of untyped nil',
  ],
  [
    'index into an absent element',
    '{{index .nested "x" "y"}}',
    '1:2: executing "t" at <index .nested "x" "y">: error calling index: index of nil pointer',
  ],
  [
    'index of a number',
    '{{index .n 0}}',
    '1:2: executing "t" at <index .n 0>: error calling index: can\'t index item of type int',
  ],
  [
    'index of a nil pointer',
    '{{index .noSvc 0}}',
    '1:2: executing "t" at <index .noSvc 0>: error calling index: index of nil pointer',
  ],
  [
    'index of a struct',
    '{{index .pair 0}}',
    '1:2: executing "t" at <index .pair 0>: error calling index: can\'t index item of type main.Pair',
  ],
  [
    'slice beyond',
    '{{slice .list 4}}',
    '1:2: executing "t" at <slice .list 4>: error calling slice: index out of range: 4',
  ],
  [
    'slice backwards',
    '{{slice .list 2 1}}',
    '1:2: executing "t" at <slice .list 2 1>: error calling slice: invalid slice index: 2 > 1',
  ],
  [
    'slice of a string with three',
    '{{slice .str 0 1 2}}',
    '1:2: executing "t" at <slice .str 0 1 2>: error calling slice: cannot 3-index slice a string',
  ],
  [
    'slice with four',
    '{{slice .list 0 1 2 3}}',
    '1:2: executing "t" at <slice .list 0 1 2 3>: error calling slice: too many slice indexes: 4',
  ],
  [
    'slice of nil',
    '{{slice nil 0}}',
    '1:2: executing "t" at <slice nil 0>: error calling slice: slice of untyped nil',
  ],
  [
    'slice of a map',
    '{{slice .map 0}}',
    '1:2: executing "t" at <slice .map 0>: error calling slice: can\'t slice item of type map[string]string',
  ],
  [
    'slice by a string',
    '{{slice .list "a"}}',
    '1:2: executing "t" at <slice .list "a">: error calling slice: cannot index slice/array with type string',
  ],
  [
    'slice below zero',
    '{{slice .list -1}}',
    '1:2: executing "t" at <slice .list -1>: error calling slice: index out of range: -1',
  ],
  [
    'slice with a third below the second',
    '{{slice .list 0 2 1}}',
    '1:2: executing "t" at <slice .list 0 2 1>: error calling slice: invalid slice index: 2 > 1',
  ],
  [
    'printf without a format',
    '{{printf}}',
    '1:2: executing "t" at <printf>: wrong number of args for printf: want at least 1 got 0',
  ],
  [
    'printf with a number as the format',
    '{{printf 1}}',
    '1:9: executing "t" at <1>: expected string; found 1',
  ],
];
