import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TemplateError } from '../../../../src/render/template/errors.ts';
import { executeTemplate } from '../../../../src/render/template/execute.ts';
import { formatFloat } from '../../../../src/render/template/float-text.ts';
import { sprintf } from '../../../../src/render/template/format.ts';
import { parseTemplate } from '../../../../src/render/template/parser.ts';
import { quote, unquote } from '../../../../src/render/template/quote.ts';
import { float, fromJs, int, type Value } from '../../../../src/render/template/values.ts';
import { rendered } from './case.ts';
import * as pipelines from './cases/pipelines.ts';
import * as rules from './cases/rules.ts';
import * as texts from './cases/text.ts';
import { functions, world } from './world.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 60 });
const render = (text: string, data: Value): string =>
  executeTemplate(parseTemplate(text), { data, now: () => 0 });

/** Whatever happens is a TemplateError. */
function neverCrashes(text: string): void {
  try {
    const template = parseTemplate(text, { name: 't', functions });
    executeTemplate(template, {
      data: world,
      functions,
      limits: { maxSteps: 20_000, maxOutputBytes: 1e6 },
      now: () => 0,
    });
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    expect(error.message).toMatch(/^template: t:\d+:/);
  }
}

const words = fc.constantFrom(
  ...[
    '{{',
    '}}',
    '{{-  ',
    ' -}}',
    'if',
    'range',
    'with',
    'end',
    'else',
    'define "x"',
    'template "x"',
    'block "y" .',
    'break',
  ],
  ...[
    '.',
    '.str',
    '.list',
    '.map',
    '.any',
    '.svc.Name',
    '.nil',
    '$',
    '$x',
    ':=',
    '=',
    ',',
    '|',
    '(',
    ')',
    '"a"',
    '`b`',
    "'c'",
  ],
  ...[
    '1',
    '-2',
    '1.5',
    '0x',
    '1i',
    'true',
    'nil',
    'len',
    'index',
    'slice',
    'eq',
    'lt',
    'printf "%*d"',
    'print',
    'call',
    'and',
    ' ',
    '\n',
  ],
);

describe('no template crashes', () => {
  test('made of any text', () => {
    fc.assert(
      fc.property(anyText, (text) => neverCrashes(`{{${text}}}`)),
      { numRuns: 500 },
    );
  });

  test('made of pieces of the language', () => {
    const soup = fc.array(words, { maxLength: 25 }).map((parts) => parts.join(' '));
    fc.assert(fc.property(soup, neverCrashes), { numRuns: 1_500 });
  });

  test('made of actions that are well formed more often', () => {
    const action = fc.array(words, { minLength: 1, maxLength: 5 }).map((parts) => `{{${parts.join(' ')}}}`);
    const body = fc.array(fc.oneof(action, anyText), { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(fc.property(body, neverCrashes), { numRuns: 1_000 });
  });

  test('made of another by cutting and inserting', () => {
    const known = [...rules.outputs, ...pipelines.outputs, ...texts.outputs].map(([, text]) => text);
    const changed = fc
      .tuple(fc.constantFrom(...known), fc.nat(), fc.nat(3), words)
      .map(([text, at, cut, word]) => {
        const from = at % (text.length + 1);
        return text.slice(0, from) + word + text.slice(from + cut);
      });
    fc.assert(fc.property(changed, neverCrashes), { numRuns: 1_500 });
  });

  test('that formats anything by any directive', () => {
    const directive = fc.string({
      unit: fc.constantFrom(...'%%%+-# 0123456789.*[]vTtbcdoOqxXUeEfFgGspwz'),
      maxLength: 12,
    });
    const values = fc.array(
      fc.jsonValue().map((data) => fromJs(data)),
      { maxLength: 3 },
    );
    const formats = fc.property(directive, values, (format, operands) => {
      expect(typeof sprintf(format.replaceAll(/\d{4,}/g, '999'), operands, 1e7)).toBe('string');
    });
    fc.assert(formats, { numRuns: 1_000 });
  });
});

describe('rendering', () => {
  test('text without delimiters renders to itself', () => {
    const plain = anyText.filter((text) => !text.includes('{{'));
    const same = fc.property(plain, (text) => {
      expect(rendered(text)).toBe(text);
    });
    fc.assert(same);
  });

  test('a string prints as it is', () => {
    const same = fc.property(anyText, (text) => {
      expect(render('{{.}}', text)).toBe(text);
    });
    fc.assert(same);
  });

  test('a quoted string read as a literal is the string again', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(unquote(quote(text))).toBe(text);
        expect(render(`{{${render('{{printf "%q" .}}', text)}}}`, null)).toBe(text);
        expect(render(`{{${render('{{printf "%+q" .}}', text)}}}`, null)).toBe(text);
      }),
    );
  });

  test('the hexadecimal form is that of the bytes', () => {
    const hex = fc.property(anyText, (text) => {
      expect(render('{{printf "%x" .}}', text)).toBe(Buffer.from(text).toString('hex'));
      expect(render('{{len .}}', text)).toBe(String(Buffer.byteLength(text)));
    });
    fc.assert(hex);
  });

  test('integers are exact in 64 bits', () => {
    const exact = fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (n) => {
      expect(render('{{.}} {{printf "%d" .}}', int(n))).toBe(`${n} ${n}`);
      expect(render(`{{eq . ${n}}}`, int(n))).toBe('true');
    });
    fc.assert(exact);
  });

  test('comparisons of integers agree with each other', () => {
    const small = fc.integer({ min: -3, max: 3 });
    const agree = fc.property(small, small, (one, other) => {
      const text = `{{eq . ${other}}} {{ne . ${other}}} {{lt . ${other}}} {{le . ${other}}} {{gt . ${other}}} {{ge . ${other}}}`;
      const expected = [one === other, one !== other, one < other, one <= other, one > other, one >= other];
      expect(render(text, int(one))).toBe(expected.join(' '));
    });
    fc.assert(agree);
  });
});

describe('floats', () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

  test('the shortest text reads back as the same number', () => {
    const back = fc.property(finite, (value) => {
      for (const verb of ['e', 'g', 'f'] as const) expect(Number(formatFloat(value, verb, -1))).toBe(value);
      expect(Number(render('{{.}}', float(value)))).toBe(value);
    });
    fc.assert(back);
  });

  test('rounded text is as near as its digits allow', () => {
    const near = fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.nat(8), (value, places) => {
      const text = formatFloat(value, 'f', places);
      expect(Math.abs(Number(text) - value)).toBeLessThanOrEqual(0.5 * 10 ** -places + 1e-9);
      expect(text).toMatch(places === 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+\\.\\d{${places}}$`));
    });
    fc.assert(near);
  });
});
