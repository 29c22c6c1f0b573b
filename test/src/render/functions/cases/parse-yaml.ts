import type { Case } from '../case.ts';

/** Outputs as Go gives them. */
export const parseYaml: readonly Case[] = [
  [
    '{{ parseYAML "1: a\\n2: b\\n10: c\\ntrue: d\\nx: e\\n1.5: f" | toYAML }}',
    'true: d\n1: a\n1.5: f\n2: b\n10: c\nx: e',
  ],
  ['{{ parseYAML "a: |\\n  x\\n  y\\nb: >\\n  c\\n  d\\n" }}', 'map[a:x\ny\n b:c d\n]'],
  [
    '{{ parseYAML "- 1\\n- 2.0\\n- 1e3\\n- 0x10\\n- 010\\n- 9223372036854775808\\n- .5\\n- +1\\n- -0\\n- 1:30\\n- ~\\n- \\"5\\"\\n- Yes\\n- 2020-01-01T00:00:00Z" | toYAML }}',
    '- 1\n- 2\n- 1000\n- 16\n- 8\n- 9223372036854775808\n- 0.5\n- 1\n- 0\n- "1:30"\n- null\n- "5"\n- true\n- "2020-01-01T00:00:00Z"',
  ],
  ['{{ parseYAML "a: 1\\na: 2" }}', 'map[a:2]'],
  ['{{ parseYAML "--- a\\n--- b" }}', 'a'],
  ['{{ parseYAML "!!binary aGk=" }}', 'hi'],
  ['{{ parseYAML "!!str 5" }}', '5'],
  ['{{ parseYAML "? a\\n: b" }}', 'map[a:b]'],
  ['{{ parseYAML "null" }}', '<no value>'],
  ['{{ parseYAML " " }}', '<no value>'],
  ['{{ parseYAML "# c" }}', '<no value>'],
];
