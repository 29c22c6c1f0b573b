import { describe, expect, test } from 'vitest';
import { executeTemplate } from '../../../../src/render/template/execute.ts';
import type { Limits } from '../../../../src/render/template/limits.ts';
import { type ParseOptions, parseTemplate } from '../../../../src/render/template/parser.ts';
import { failureOf } from './case.ts';
import { functions, world } from './world.ts';

function run(text: string, limits: Partial<Limits>, now = () => 0): string {
  const template = parseTemplate(text, { name: 't', functions });
  return executeTemplate(template, { data: world, functions, limits, now });
}

function reached(text: string, limits: Partial<Limits>, now?: () => number) {
  const error = failureOf(() => run(text, limits, now));
  expect(error.phase).toBe('limit');
  return error;
}

describe('an execution is bounded', () => {
  test('in steps', () => {
    const error = reached('a\n{{range 1000000000000}}{{.}}{{end}}', { maxSteps: 10_000 });
    expect(error.reason).toBe('exceeded 10000 steps');
    expect(error.line).toBe(2);
  });

  test('in steps that a range without a body takes', () => {
    reached('{{range 1000000000000}}{{end}}', { maxSteps: 10_000 });
  });

  test('in time, by the clock it is given', () => {
    let time = 0;
    const error = reached('{{range 1000000000000}}{{end}}', { maxMs: 50 }, () => time++);
    expect(error.reason).toBe('took longer than 50 ms');
  });

  test('in bytes written, not characters', () => {
    expect(run('{{range 10}}é{{end}}', { maxOutputBytes: 20 })).toBe('éééééééééé');
    const error = reached('{{range 11}}é{{end}}', { maxOutputBytes: 20 });
    expect(error.reason).toBe('output exceeds 20 bytes');
  });

  test('in the size of a string that doubles', () => {
    const error = reached('{{$x := "xxxxxxxx"}}{{range 60}}{{$x = cat $x $x}}{{end}}', {
      maxOutputBytes: 100_000,
    });
    expect(error.reason).toBe('string exceeds 100000 bytes');
  });

  test('in the size of what printf makes', () => {
    const error = failureOf(() =>
      run('{{$x := printf "%1000000d%1000000d" 1 1}}', { maxOutputBytes: 1_500_000 }),
    );
    expect(error.reason).toBe('error calling printf: printed text exceeds 1500000 bytes');
  });

  test('in templates within templates, at the place of the last call', () => {
    const error = reached('{{define "x"}}\n {{template "x"}}{{end}}{{template "x"}}', { maxDepth: 50 });
    expect(error.message).toBe(
      'template: t:2:12: executing "x" at <{{template "x"}}>: exceeded maximum template depth (50)',
    );
  });

  test('in templates that a function renders', () => {
    const template = parseTemplate('{{define "x"}}{{again}}{{end}}{{again}}', {
      functions: new Set(['again']),
    });
    const again = {
      params: [],
      variadic: null,
      call: (_: unknown, context: { render: typeof renders }) => context.render('x', null),
    };
    const error = failureOf(() =>
      executeTemplate(template, { functions: new Map([['again', again]]), now: () => 0 }),
    );
    expect(error.reason).toBe('exceeded maximum template depth (200)');
  });

  test('in blocks that together exhaust the stack', () => {
    const nested = `${'{{if true}}'.repeat(150)}{{template "x"}}${'{{end}}'.repeat(150)}`;
    const error = reached(`{{define "x"}}${nested}{{end}}{{template "x"}}`, { maxDepth: 100_000 });
    expect(error.reason).toBe('nested too deeply');
  });

  test('and starts anew the next time', () => {
    const template = parseTemplate('{{range 5}}{{.}}{{end}}');
    const limits = { maxSteps: 5_000, maxOutputBytes: 5 };
    for (let time = 0; time < 3; time++)
      expect(executeTemplate(template, { limits, now: () => 0 })).toBe('01234');
  });
});

/** Only for its type. */
declare function renders(name: string, data: null): string;

describe('a template is bounded', () => {
  const refused = (text: string, options?: ParseOptions) =>
    failureOf(() => parseTemplate(text, options)).message;

  test('in size', () => {
    expect(refused('0123456789é', { name: 'n', maxBytes: 11 })).toBe(
      'template: n:1: template larger than 11 bytes',
    );
  });

  test('in parentheses', () => {
    const nested = (depth: number): string => `{{${'(print '.repeat(depth)}1${')'.repeat(depth)}}}`;
    expect(executeTemplate(parseTemplate(nested(200)), { now: () => 0 })).toBe('1');
    expect(refused(nested(201))).toBe('template: :1: max expression depth exceeded');
  });

  test('in blocks', () => {
    const nested = (depth: number): string => '{{if true}}'.repeat(depth) + '{{end}}'.repeat(depth);
    expect(executeTemplate(parseTemplate(nested(200)), { now: () => 0 })).toBe('');
    expect(refused(nested(201))).toBe('template: :1: blocks nested deeper than 200');
  });

  test('in else ifs', () => {
    const chain = (length: number): string => `{{if false}}${'{{else if false}}x'.repeat(length)}{{end}}`;
    expect(executeTemplate(parseTemplate(chain(150)), { now: () => 0 })).toBe('');
    expect(refused(chain(500))).toBe('template: :1: blocks nested deeper than 200');
  });
});
