import type { Case } from '../case.ts';

/** What a map gives for a key that it does not have. */
export const zero: readonly Case[] = [
  ['of strings', '[{{.map.x}}]', '[]'],
  ['of ints', '{{.counts.x}}', '0'],
  ['of anything', '{{.missing}}', '<no value>'],
  ['of a nested map', '{{.nested.x}}', '<no value>'],
  ['with an else', '{{if .map.x}}t{{else}}f{{end}}', 'f'],
  ['of anything through print', '{{print .missing}}', '<nil>'],
];

export const zeroFailures: readonly Case[] = [
  [
    'trap 19: a field of an absent key of anything',
    '{{.missing.more}}',
    '1:10: executing "t" at <.missing.more>: nil pointer evaluating interface {}.more',
  ],
  [
    'trap 19: a field below a missing one in a nested map',
    '{{.nested.x.y}}',
    '1:9: executing "t" at <.nested.x.y>: nil pointer evaluating interface {}.y',
  ],
  [
    'a field of an absent string',
    '{{.map.x.y}}',
    '1:6: executing "t" at <.map.x.y>: can\'t evaluate field y in type string',
  ],
];

export const error: readonly Case[] = [
  ['a present key', '{{.str}}', 'hello'],
  ['index does not mind', '{{index .map "x"}}|', '|'],
];

export const errorFailures: readonly Case[] = [
  ['a missing key', '{{.missing}}', '1:2: executing "t" at <.missing>: map has no entry for key "missing"'],
  ['a missing key of strings', '{{.map.x}}', '1:6: executing "t" at <.map.x>: map has no entry for key "x"'],
  [
    'a field of absence',
    '{{define "x"}}{{.y}}{{end}}{{template "x"}}',
    '1:16: executing "x" at <.y>: nil data; no entry for key "y"',
  ],
  [
    'a missing key in a condition',
    '{{if .missing}}{{end}}',
    '1:5: executing "t" at <.missing>: map has no entry for key "missing"',
  ],
];
