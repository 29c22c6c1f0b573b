import type { PairCase } from '../case.ts';

/** Outputs as Go gives them. */
export const pairs: readonly PairCase[] = [
  [
    '{{ range $k, $m := tree "p" | byKey }}{{ $k }}:{{ range $n, $p := $m }}{{ $n }}={{ $p.Value }}({{ $p.Key }}) {{ end }}{{ end }}',
    'a:x=1(x) y/z=2(y/z) ',
    { 'a/x': '1', 'a/y/z': '2', b: '3' },
  ],
  [
    '{{ tree "p" | explode | toJSON }}',
    '{"a":{"x":"1","y":{"z":"2"}},"b":"3"}',
    { 'a/x': '1', 'a/y/z': '2', b: '3' },
  ],
  [
    '{{ range tree "p" }}{{ .Path }}={{ .Value }} {{ end }}',
    'p/a/x=1 p/a/y/z=2 p/b=3 ',
    { 'a/x': '1', 'a/y/z': '2', b: '3' },
  ],
  [
    '{{ tree "p" | byKey | toJSON }}',
    '{"a":{"x":{"Path":"p/a/x","Key":"x","Value":"1","CreateIndex":1,"ModifyIndex":2,"LockIndex":0,"Flags":0,"Session":""},"y/z":{"Path":"p/a/y/z","Key":"y/z","Value":"2","CreateIndex":1,"ModifyIndex":2,"LockIndex":0,"Flags":0,"Session":""}}}',
    { 'a/x': '1', 'a/y/z': '2', b: '3' },
  ],
  ['{{ with tree "p" | explode }}{{ .a.x }}{{ end }}', '1', { 'a/x': '1', 'a/y/z': '2', b: '3' }],
  [
    '{{ range tree "p" }}{{ printf "%T" .Flags }}{{ end }}',
    'uint64uint64uint64',
    { 'a/x': '1', 'a/y/z': '2', b: '3' },
  ],
  ['{{ tree "p" | explode | toJSON }}', '{"x":{"a":"2"}}', { 'x/a/b': '1', 'x/a': '2' }],
];

/** Errors, from their reason on. */
export const pairsFailures: readonly PairCase[] = [
  [
    '{{ tree "p" | explode | toJSON }}',
    'error calling explode: explode: not a map: "a/b": "a" already has value "1"',
    { a: '1', 'a/b': '2' },
  ],
  [
    '{{ tree "p" | explode | toJSON }}',
    'error calling explode: explode: not a map: "x/a/b/c": "a" already has value "1"',
    { 'x/a': '1', 'x/a/b/c': '2' },
  ],
];
