import { describe, expect, test } from 'vitest';
import { FunctionError, MissingData } from '../../../../src/render/template/errors.ts';
import { executeTemplate } from '../../../../src/render/template/execute.ts';
import { fixed, type TemplateFunction, variadic } from '../../../../src/render/template/functions.ts';
import { anyType, stringType } from '../../../../src/render/template/kinds.ts';
import { parseTemplate } from '../../../../src/render/template/parser.ts';
import { type Func, func, int, type Value } from '../../../../src/render/template/values.ts';
import { failureOf } from './case.ts';

function run(text: string, given: Readonly<Record<string, TemplateFunction>>, name = ''): string {
  const functions = new Map(Object.entries(given));
  return executeTemplate(parseTemplate(text, { name, functions }), { functions, now: () => 0 });
}

describe('functions', () => {
  test('replace the builtin ones', () => {
    expect(
      run('{{len "abc"}}{{and 1 0}}', {
        len: fixed([stringType], () => 'mine'),
        and: variadic([], anyType, () => 'own'),
      }),
    ).toBe('mineown');
  });

  test('named break and continue are no keywords', () => {
    expect(
      run('{{break}}{{continue}}', { break: fixed([], () => 'b'), continue: fixed([], () => 'c') }),
    ).toBe('bc');
  });

  test('are known when the template is read, and may be gone when it runs', () => {
    const template = parseTemplate('{{gone}}', { functions: new Set(['gone']) });
    const error = failureOf(() => executeTemplate(template, { now: () => 0 }));
    expect(error.message).toBe('template: :1:2: executing "" at <gone>: "gone" is not a defined function');
  });

  test('change between executions of one template', () => {
    const template = parseTemplate('{{next}}', { functions: new Set(['next']) });
    const outputs = ['a', 'b'].map((text) =>
      executeTemplate(template, { functions: new Map([['next', fixed([], () => text)]]), now: () => 0 }),
    );
    expect(outputs).toEqual(['a', 'b']);
  });

  test('take absence as nil', () => {
    const seen: Value[] = [];
    const see = fixed([anyType], ([value]) => {
      seen.push(value);
      return '';
    });
    run('{{see nil}}{{see .x}}{{see .}}', { see });
    expect(seen).toEqual([null, null, null]);
  });
});

describe('a function that fails', () => {
  const fail = (error: unknown) =>
    fixed([], () => {
      throw error;
    });

  test('ends the run with its words at its place', () => {
    const error = failureOf(() =>
      run('a\n {{fail}}', { fail: fail(new FunctionError('no such thing')) }, 'x.ctmpl'),
    );
    expect(error).toMatchObject({
      message: 'template: x.ctmpl:2:3: executing "x.ctmpl" at <fail>: error calling fail: no such thing',
      phase: 'execute',
      template: 'x.ctmpl',
      line: 2,
      column: 3,
      reason: 'error calling fail: no such thing',
    });
  });

  test('by a bug is reported, and the bug kept as the cause', () => {
    const bug = new TypeError('x is undefined');
    expect(failureOf(() => run('{{fail}}', { fail: fail(bug) })).cause).toBe(bug);
  });

  test('for data that is not there yet leaves the run as it is', () => {
    const missing = new MissingData('health.service(web|passing)');
    expect(() => run('{{if fail}}{{end}}', { fail: fail(missing) })).toThrow(missing);
    expect(missing.dependency).toBe('health.service(web|passing)');
  });
});

describe('what a function is given', () => {
  test('renders a defined template, which is not output', () => {
    const include = variadic([stringType], anyType, ([name, data], context) =>
      context.render(name as string, data),
    );
    const text = '{{define "x"}}<{{.}}{{$}}>{{end}}{{$a := 1}}{{$t := include "x" 7}}[{{$t}}{{$t}}]{{$a}}';
    expect(run(text, { include })).toBe('[<77><77>]1');
  });

  test('reports an error inside such a template', () => {
    const include = fixed([stringType], ([name], context) => context.render(name as string, null));
    expect(failureOf(() => run('{{define "x"}}{{len 1}}{{end}}{{include "x"}}', { include })).reason).toBe(
      'error calling include: template: :1:16: executing "x" at <len 1>: error calling len: len of type int',
    );
    expect(failureOf(() => run('{{include "y"}}', { include }, 't')).reason).toBe(
      'error calling include: template: no template "y" associated with template "t"',
    );
  });

  test('names the template and calls function values', () => {
    const twice = fixed([anyType], ([callee], context) => {
      const call = () => context.invoke('twice', callee as Func, [context.template]) as string;
      return call() + call();
    });
    const maker = fixed([], () => func(fixed([stringType], ([name]) => `(${name})`)));
    expect(run('{{define "in"}}{{twice maker}}{{end}}{{template "in"}}', { twice, maker })).toBe('(in)(in)');
  });

  test('shares the budget', () => {
    const greedy = fixed([], (_, context) => {
      for (;;) context.spend(1_000_000);
    });
    const error = failureOf(() => run('{{greedy}}', { greedy }));
    expect(error).toMatchObject({ phase: 'limit', reason: 'exceeded 20000000 steps' });
  });
});

describe('delimiters', () => {
  const render = (text: string, left: string, right: string): string =>
    executeTemplate(parseTemplate(text, { leftDelimiter: left, rightDelimiter: right }), {
      data: int(5),
      now: () => 0,
    });

  test.each([
    ['[[', ']]', 'a [[.]] {{.}}', 'a 5 {{.}}'],
    ['<%', '%>', 'a <%- . -%> b<%/* c */%>', 'a5b'],
    ['|', '|', '|.|', '5'],
    ['//', '//', '//.////print "x"//', '5x'],
    ['', '', '{{.}}', '5'],
    ['([', '])', '([print (print .)])', '5'],
  ])('%s and %s', (left, right, text, output) => {
    expect(render(text, left, right)).toBe(output);
  });

  test('stand in errors as they are', () => {
    expect(failureOf(() => render('[[define "x"]][[else]]', '[[', ']]')).message).toBe(
      'template: :1: unexpected [[else]] in define clause',
    );
    expect(failureOf(() => render('[[template "x"]]', '[[', ']]')).message).toBe(
      'template: :1:11: executing "" at <[[template "x"]]>: template "x" not defined',
    );
  });
});
