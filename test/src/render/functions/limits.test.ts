import { describe, expect, test } from 'vitest';
import { rendered as renderedWith } from '../fakes.ts';

/** A hundredth of what is allowed, so that it takes no long time to use it up. */
const limits = { maxSteps: 200_000, maxOutputBytes: 600_000 };
const rendered = (text: string): string => renderedWith(text, { limits });

/** A map whose two entries are one map whose two entries are one map…: small, and without end when it is walked. */
const doubled = '{{ $m := sprig_dict "x" 1 }}{{ range loop 60 }}{{ $m = sprig_dict "a" $m "b" $m }}{{ end }}';
const around = '{{ $m := sprig_dict }}{{ $_ := sprig_set $m "self" $m }}';

describe('values without end are refused', () => {
  test.each([
    ['toJSON', `${doubled}{{ toJSON $m | len }}`],
    ['toYAML', `${doubled}{{ toYAML $m | len }}`],
    ['toTOML', `${doubled}{{ toTOML $m | len }}`],
    ['mergeMap', `${doubled}{{ mergeMap $m (sprig_dict "a" $m "b" $m) | len }}`],
    ['sprig_deepCopy', `${doubled}{{ sprig_deepCopy $m | len }}`],
    ['toJSON of itself', `${around}{{ toJSON $m | len }}`],
    ['toYAML of itself', `${around}{{ toYAML $m | len }}`],
    ['toTOML of itself', `${around}{{ toTOML $m | len }}`],
    [
      'parseYAML',
      '{{ parseYAML (print "a: &a [x,x,x,x,x,x,x,x,x]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]") }}',
    ],
  ])('by %s', (_, template) => {
    expect(rendered(template)).toMatch(/^failed: .*(exceed|deeper than|longer than|alias)/s);
  });

  test.each([
    ['{{ sprig_repeat 1000000000 "x" }}', 'exceed'],
    ['{{ sprig_until 100000000 }}', 'must not exceed'],
    ['{{ sprig_seq 1 1 100000000 }}', 'more than'],
    ['{{ indent 100000000 "x" }}', 'must not exceed'],
    ['{{ range loop 100000000000 }}{{ end }}', 'exceeded'],
    ['{{ parseJSON (sprig_repeat 5000 "[") }}', 'error calling parseJSON'],
    ['{{ parseJSON (print (sprig_repeat 500 "[") (sprig_repeat 500 "]")) }}', 'nested deeper'],
    ['{{ regexMatch (sprig_repeat 20000 "a") "a" }}', 'longer than'],
  ])('%s', (template, why) => {
    expect(rendered(template)).toContain(why);
  });

  test('an expression that would take others for ever does not', () => {
    const started = performance.now();
    expect(rendered('{{ regexMatch "(a+)+$" (print (sprig_repeat 5000 "a") "b") }}')).toBe('false');
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
