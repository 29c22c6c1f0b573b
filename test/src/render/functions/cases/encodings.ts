import type { Case } from '../case.ts';

/** Outputs as Go gives them. */
export const encodings: readonly Case[] = [
  ['{{ sprig_list 1 2 "a" | toJSON }}', '[1,2,"a"]'],
  ['{{ splitToMap "," "=" "a=1,b=2,c,d=3=4" | toJSON }}', '{"a":"1","b":"2","d":"3=4"}'],
  ['{{ split "" "abc" | toJSON }}', '["a","b","c"]'],
  ['{{ (parseJSON "[1]") | toJSONPretty }}', '[\n  1\n]'],
  [
    '{{ parseJSON "{\\"z\\":1e21,\\"y\\":1e-7,\\"x\\":123456789012345678,\\"w\\":-0.0}" | toJSON }}',
    '{"w":-0,"x":123456789012345680,"y":1e-7,"z":1e+21}',
  ],
  ['{{ "<a&b>\\u2028" | toJSON }}', '"\\u003ca\\u0026b\\u003e\\u2028"'],
  ['{{ "<a&b>" | toUnescapedJSON }}', '"<a&b>"'],
  ['{{ "\\xff" | toJSON }}', '"\\ufffd"'],
  ['{{ sprig_list | toJSONPretty }}', '[]'],
  ['{{ sprig_dict | toJSONPretty }}', '{}'],
  [
    '{{ sprig_dict "b" 1 "a" (sprig_list 1 (sprig_dict "x" nil)) | toUnescapedJSONPretty }}',
    '{\n  "a": [\n    1,\n    {\n      "x": null\n    }\n  ],\n  "b": 1\n}',
  ],
  ['{{ in (parseJSON "[1]") 1 }}', 'false'],
  ['{{ in (parseJSON "[1]") 1.0 }}', 'true'],
  ['{{ explodeMap (sprig_dict "a/b" 1 "a/c" 2 "d" 3) | toJSON }}', '{"a":{"b":1,"c":2},"d":3}'],
  [
    '{{ mergeMap (sprig_dict "a" 1 "b" (sprig_dict "x" 1)) (sprig_dict "a" 2 "c" 3 "b" (sprig_dict "x" 2 "y" 3)) | toJSON }}',
    '{"a":1,"b":{"x":1,"y":3},"c":3}',
  ],
  [
    '{{ mergeMapWithOverride (sprig_dict "a" 1 "b" (sprig_dict "x" 1)) (sprig_dict "a" 2 "c" 3 "b" (sprig_dict "x" 2 "y" 3)) | toJSON }}',
    '{"a":2,"b":{"x":2,"y":3},"c":3}',
  ],
  ['{{ mergeMap (sprig_dict "a" "" "b" 0) (sprig_dict "a" "x" "b" 4) | toJSON }}', '{"a":"x","b":4}'],
  [
    '{{ mergeMapWithOverride (sprig_dict "a" "x" "b" 1) (sprig_dict "a" "" "b" 0) | toJSON }}',
    '{"a":"","b":0}',
  ],
  [
    '{{ parseYAML "a: 1\\nb: [x, yes, 0644, 1.5, 12:30:00, 2020-01-01, ~]\\nc: {d: e}" }}',
    'map[a:1 b:[x true 420 1.5 12:30:00 2020-01-01 <nil>] c:map[d:e]]',
  ],
  ['{{ parseYAML "[1,2]" | toJSON }}', '[1,2]'],
  ['{{ parseYAML "a: 1\\nb: [1, two]" | toYAML }}', 'a: 1\nb:\n- 1\n- two'],
  [
    '{{ parseYAML "x: 0x1F\\ny: 1_000\\nz: 0b11\\nw: .inf\\nv: 0o17\\nu: on" }}',
    'map[true:1000 u:true v:15 w:+Inf x:31 z:3]',
  ],
  ['{{ parseYAML "a: &x {b: 1}\\nc:\\n  <<: *x\\n  d: 2" }}', 'map[a:map[b:1] c:map[b:1 d:2]]'],
  ['{{ parseYAML "a: hello\\nb: \\"q\\"" }}', 'map[a:hello b:q]'],
  ['{{ parseYAML "42" }}', '42'],
  ['{{ parseYAML "- a\\n- b" }}', '[a b]'],
  [
    '{{ sprig_dict "a" 1 "b" "x" "c" (sprig_dict "d" true "e" (sprig_list 1 2)) | toTOML }}',
    'a = 1\nb = "x"\n\n[c]\n  d = true\n  e = [1, 2]',
  ],
  [
    '{{ sprig_dict "a" (sprig_list (sprig_dict "x" 1) (sprig_dict "x" 2)) "z" 1.0 "y z" "q\\"t\\n" | toTOML }}',
    '"y z" = "q\\"t\\n"\nz = 1.0\n\n[[a]]\n  x = 1\n\n[[a]]\n  x = 2',
  ],
  [
    '{{ sprig_dict "a" (sprig_dict "b" (sprig_dict "c" 1)) "e" (sprig_dict) "f" (sprig_list) | toTOML }}',
    'f = []\n\n[a]\n  [a.b]\n    c = 1\n\n[e]',
  ],
  [
    '{{ sprig_dict "t" (sprig_dict "l" (sprig_list (sprig_dict "p" 1 "q" (sprig_dict "r" 2)))) | toTOML }}',
    '[t]\n\n  [[t.l]]\n    p = 1\n    [t.l.q]\n      r = 2',
  ],
  ['{{ sprig_dict "m" (sprig_list 1 "a" (sprig_dict "x" 1)) | toTOML }}', 'm = [1, "a", {x = 1}]'],
  ['{{ toJSON nil }}', 'null'],
  ['{{ toYAML (split "," "a,b") }}', '- a\n- b'],
  ['{{ toTOML (parseJSON "{}") }}', ''],
  ['{{ parseJSON "\\"x\\"" }}', 'x'],
  ['{{ parseJSON "5" }}', '5'],
  ['{{ parseJSON "null" }}', '<no value>'],
  ['{{ eq (parseJSON "1") 1.0 }}', 'true'],
  ['{{ (parseJSON "{}").a }}', '<no value>'],
  ['{{ with parseJSON "{\\"a\\":1000000}" }}{{ .a }}{{ end }}', '1e+06'],
  ['{{ parseJSON "{\\"a\\":1000000}" | toJSON }}', '{"a":1000000}'],
  ['{{ range $k, $v := parseJSON "{\\"b\\":1,\\"a\\":2}" }}{{ $k }}{{ $v }}{{ end }}', 'a2b1'],
  ['{{ sprig_get (parseJSON "{\\"a\\":1}") "a" }}', '1'],
];

/** Errors, from their reason on. */
export const encodingsFailures: readonly Case[] = [
  ['{{ parseJSON "{\\"a\\":[1,2.5,1000000,null,true],\\"b\\":{}}', ':1: unterminated quoted string'],
  ['{{ parseJSON "{" }}', 'error calling parseJSON: unexpected end of JSON input'],
  [
    '{{ explodeMap (sprig_dict "a" 1 "a/c" 2) | toJSON }}',
    'error calling explodeMap: explodeMap: not a map: "a/c": "a" already has value \'\\x01\'',
  ],
  [
    '{{ parseYAML "a: 1" | toJSON }}',
    'error calling toJSON: toJSON: json: unsupported type: map[interface {}]interface {}',
  ],
  ['{{ "x" | toTOML }}', 'error calling toTOML: toTOML: toml: top-level values must be Go maps or structs'],
  [
    '{{ sprig_dict "m" (sprig_list (sprig_list 1 2) (sprig_list)) "n" (sprig_list nil) | toTOML }}',
    'error calling toTOML: toTOML: toml: cannot encode array with nil element',
  ],
  [
    '{{ parseJSON "[]" | toTOML }}',
    'error calling toTOML: toTOML: toml: top-level values must be Go maps or structs',
  ],
  ['{{ parseJSON " " }}', 'error calling parseJSON: unexpected end of JSON input'],
  ['{{ (parseJSON "{\\"a\\":{\\"b\\":80}}', ':1: unterminated quoted string'],
  ['{{ (parseJSON "{}").a.b }}', 'nil pointer evaluating interface {}.b'],
];
