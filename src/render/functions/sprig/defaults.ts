import { deepEqual } from '../../template/compare.ts';
import { FunctionError } from '../../template/errors.ts';
import { fixed, type TemplateFunction, variadic } from '../../template/functions.ts';
import { anyType, boolType, stringType } from '../../template/kinds.ts';
import { isTrue } from '../../template/truth.ts';
import { kindOf, typeOf, type Value } from '../../template/values.ts';
import { type Named, ofTexts } from '../define.ts';
import { encodeJson } from '../json-encoder.ts';
import { readJson } from '../parsing.ts';

const typeName = (value: Value): string =>
  value === undefined || value === null ? '<nil>' : typeOf(value)!.name;

const kindName = (value: Value): string => (value === null ? 'invalid' : kindOf(value));

function json(escapesHtml: boolean, indent: string): TemplateFunction {
  return fixed([anyType], ([value], { maxStringBytes }) =>
    encodeJson(value, { escapesHtml, indent }, maxStringBytes),
  );
}

/** What the `must` kinds report, the others swallow. */
function quietly(does: TemplateFunction, otherwise: Value): TemplateFunction {
  return {
    ...does,
    call(args, context) {
      try {
        return does.call(args, context);
      } catch (error) {
        if (error instanceof FunctionError) return otherwise;
        throw error;
      }
    },
  };
}

const fromJson = ofTexts(1, readJson);
const encoders = [
  ['Json', json(true, '')],
  ['PrettyJson', json(true, '  ')],
  ['RawJson', json(false, '')],
] as const;

export const defaultFunctions: Named = [
  ['default', variadic([anyType], anyType, ([otherwise, given]) => (isTrue(given) ? given : otherwise))],
  ['empty', fixed([anyType], ([value]) => !isTrue(value))],
  ['coalesce', variadic([], anyType, (values) => values.find(isTrue) ?? null)],
  ['all', variadic([], anyType, (values) => values.every(isTrue))],
  ['any', variadic([], anyType, (values) => values.some(isTrue))],
  ['ternary', fixed([anyType, anyType, boolType], ([yes, no, holds]) => (holds === true ? yes : no))],
  ['fromJson', quietly(fromJson, null)],
  ['mustFromJson', fromJson],
  ...encoders.map(([name, does]) => [`to${name}`, quietly(does, '')] as const),
  ...encoders.map(([name, does]) => [`mustTo${name}`, does] as const),
  ['typeOf', fixed([anyType], ([value]) => typeName(value))],
  ['typeIs', fixed([stringType, anyType], ([name, value]) => typeName(value) === name)],
  [
    'typeIsLike',
    fixed([stringType, anyType], ([name, value]) => [name, `*${name as string}`].includes(typeName(value))),
  ],
  ['kindOf', fixed([anyType], ([value]) => kindName(value))],
  ['kindIs', fixed([stringType, anyType], ([name, value]) => kindName(value) === name)],
  ['deepEqual', fixed([anyType, anyType], ([one, other]) => deepEqual(one, other))],
  [
    'fail',
    ofTexts(1, (message) => {
      throw new FunctionError(message);
    }),
  ],
  ['hello', fixed([], () => 'Hello!')],
];
