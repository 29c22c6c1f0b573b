// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax under test
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readHcl } from '../../../src/render/hcl/read.ts';

function read(source: string) {
  return readHcl(source, { name: 'f.hcl', repeated: ['template'] });
}

function values(source: string): unknown {
  const result = read(source);
  if (!result.ok) throw new Error(`${result.problem.at}: ${result.problem.message}`);
  return JSON.parse(JSON.stringify(result.file.values));
}

function problem(source: string): string {
  const result = read(source);
  return result.ok ? 'none' : `${result.problem.at}: ${result.problem.message}`;
}

describe('values of HCL 1', () => {
  test.each([
    ['a = 1', 1],
    ['a = -7', -7],
    ['a = 0x1F', 31],
    ['a = 1.5', 1.5],
    ['a = 1e3', 1000],
    ['a = 2.5e-1', 0.25],
    ['a = true', true],
    ['a = "x"', 'x'],
    ['a = ""', ''],
    ['a = "tab\\t quote\\" back\\\\ nl\\n A\\u0041 \\x42 \\103"', 'tab\t quote" back\\ nl\n AA B C'],
    ['a = [1, "b", true,]', [1, 'b', true]],
    ['a = []', []],
    ['a = { b = 1, c = 2 }', { b: 1, c: 2 }],
    ['a { b = 1 c = 2 }', { b: 1, c: 2 }],
    ['a "x" { b = 1 }', { x: { b: 1 } }],
    ['a "x" "y" { b = 1 }', { x: { y: { b: 1 } } }],
    ['"a" = "quoted key"', 'quoted key'],
    ['# c\n// d\n/* e\n */ a = 1 # f', 1],
    ['a = <<EOF\none\n  two\nEOF\n', 'one\n  two\n'],
    ['a = <<EOF\nnot \\n an ${escape} "here"\nEOF', 'not \\n an ${escape} "here"\n'],
    ['a = <<EOF\n    EOF\n', ''],
    ['a = <<-EOF\n    one\n      two\n    EOF\n', 'one\n  two\n'],
    ['a = <<-EOF\n    one\n  two\n    EOF\n', '    one\n  two\n'],
    ['a = <<-EOF\r\n  one\r\n  EOF\r\n', 'one\r\n'],
  ])('%j', (source, expected) => {
    expect(values(source)).toEqual({ a: expected });
  });

  test('trap 10: a leading zero means octal, so perms = 0600 is what chmod means', () => {
    expect(values('a = 0600')).toEqual({ a: 0o600 });
  });

  test('trap 10: ${…} in a string is literal text, quotes inside it do not end the string', () => {
    expect(values('a = "x ${env "HOME"} y ${a{b}c}"')).toEqual({ a: 'x ${env "HOME"} y ${a{b}c}' });
  });

  test('repeated groups of a listed key add up, of another key the last one wins', () => {
    const source = 'template { a = 1 }\nwait { min = "1s" }\ntemplate { a = 2 }\nwait { max = "2s" }';
    expect(values(source)).toEqual({ template: [{ a: 1 }, { a: 2 }], wait: { max: '2s' } });
  });

  test('a key named __proto__ is only a key', () => {
    const result = read('__proto__ { polluted = true }');
    expect(result.ok && Object.keys(result.file.values as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('JSON', () => {
  test('a file that begins with a brace is JSON', () => {
    const source = '{"template": [{"a": "\\u00e9\\n"}], "wait": [{"min": "1s"}, {"min": "2s"}], "x": null}';
    expect(values(source)).toEqual({ template: [{ a: 'é\n' }], wait: { min: '2s' } });
  });

  test('one group where several may stand is a list of one', () => {
    expect(values('{"template": {"a": 1}}')).toEqual({ template: [{ a: 1 }] });
  });

  test('whatever JSON.stringify writes is read back', () => {
    const key = fc.string({ minLength: 1 }).filter((name) => name !== '__proto__');
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
    fc.assert(
      fc.property(fc.dictionary(key, leaf), fc.constantFrom(0, 2), (given, indent) => {
        expect(values(JSON.stringify(given, null, indent))).toEqual({ ...given });
      }),
      { numRuns: 200 },
    );
  });
});

describe('mistakes are told with their place', () => {
  test.each([
    ['a = \n\n', 'f.hcl:3:1: the file ends where a value should be'],
    ['a = "x', 'f.hcl:1:5: this string is not closed'],
    ['a = "x\ny"', 'f.hcl:1:5: this string is not closed'],
    ['a = "${x"', 'f.hcl:1:6: this "${" is not closed'],
    ['a = "\\q"', 'f.hcl:1:6: "\\q" is not an escape: use \\n, \\t, \\", \\\\ or \\u0041'],
    ['a = "\\ud800"', 'f.hcl:1:6: this escape is no character'],
    ['b {\n  a = nginx\n}', 'f.hcl:2:7: text stands between quotes: write "nginx"'],
    ['a = 5s', 'f.hcl:1:5: "5s" is not a number; text stands between quotes'],
    ['a = 0899', 'f.hcl:1:5: "0899" is not a number; text stands between quotes'],
    [
      'a = 99999999999999999999',
      'f.hcl:1:5: "99999999999999999999" is not a number; text stands between quotes',
    ],
    ['a { b = 1', 'f.hcl:1:3: this "{" is not closed'],
    ['a = [1 2]', 'f.hcl:1:8: expected "," or "]" after this item of the list'],
    ['a = [1', 'f.hcl:1:5: this "[" is not closed'],
    ['a = 1\n}', 'f.hcl:2:1: there is no "{" for this "}"'],
    ['a b = 1', 'f.hcl:1:3: expected "{" after the label "b"'],
    ['a ;', 'f.hcl:1:3: expected "=" or "{" after "a"'],
    ['= 1', 'f.hcl:1:1: expected a key, not "="'],
    ['a = <<EOF\nx\n', 'f.hcl:1:5: no line with EOF ends this text'],
    ['a = <<EOF x', 'f.hcl:1:5: write <<WORD and then a new line'],
    ['/* x', 'f.hcl:1:1: this comment is not closed'],
    ['{"a": 1,}', 'f.hcl:1:9: expected text between double quotes'],
    ['{"a" 1}', 'f.hcl:1:2: expected ":" after "a"'],
    ['{"a": 01}', 'f.hcl:1:7: this is not JSON'],
    ['{"a": 1e999}', 'f.hcl:1:7: "1e999" is too large a number'],
    ['{"a": [1', 'f.hcl:1:7: no "]" closes this'],
    ['{"a": 1} b', 'f.hcl:1:10: there is something behind the end of the JSON object'],
    [`a = ${'['.repeat(40)}`, 'f.hcl:1:37: nested too deeply'],
    [`{"a": ${'['.repeat(40)}`, 'f.hcl:1:38: nested too deeply'],
    [`${'a '.repeat(40)}{}`, 'f.hcl:1:67: nested too deeply'],
  ])('%j', (source, expected) => {
    expect(problem(source)).toBe(expected);
  });

  test('a file larger than 1 MiB is not read', () => {
    expect(problem('#'.repeat(1024 * 1024 + 1))).toBe('f.hcl: larger than 1MiB');
  });

  test('every value and key can be found again', () => {
    const result = read('wait {\n  min = "1s"\n}\ntemplate {\n  perms = 0600\n}');
    if (!result.ok) throw new Error('unexpected');
    expect(result.file.at(['wait', 'min'])).toBe('f.hcl:2:9');
    expect(result.file.atKey(['template', 0], 'perms')).toBe('f.hcl:5:3');
    expect(result.file.at(['wait', 'missing'])).toBe('f.hcl:1:6');
  });

  test('no text makes it throw or loop', () => {
    const piece = fc.constantFrom(
      'a',
      '=',
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\',
      '${',
      '<<E',
      '\nE\n',
      '1',
      ',',
      ' ',
      '/*',
      '#',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        expect(typeof read(pieces.join('')).ok).toBe('boolean');
      }),
      { numRuns: 2000 },
    );
  });
});
