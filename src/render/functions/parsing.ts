import { FunctionError } from '../template/errors.ts';
import { anyMapType } from '../template/kinds.ts';
import { dict, float, fromJs, int, type Value } from '../template/values.ts';
import { type Named, ofTexts } from './define.ts';
import { goBool, goFloat, goInt, goUint, wrapping } from './numbers.ts';
import { readYaml } from './yaml-reader.ts';

/** Texts into values: an empty one is the zero value, never an error. */
export const parsingFunctions: Named = [
  ['parseBool', ofTexts(1, (text) => text !== '' && wrapping('parseBool', () => goBool(text)))],
  ['parseFloat', ofTexts(1, (text) => float(text === '' ? 0 : wrapping('parseFloat', () => goFloat(text))))],
  ['parseInt', ofTexts(1, (text) => int(text === '' ? 0 : wrapping('parseInt', () => goInt(text)), 'int64'))],
  [
    'parseUint',
    ofTexts(1, (text) => int(text === '' ? 0 : wrapping('parseUint', () => goUint(text)), 'uint64')),
  ],
  ['parseJSON', ofTexts(1, (text) => (text === '' ? dict(anyMapType, []) : readJson(text)))],
  ['parseYAML', ofTexts(1, (text) => (text === '' ? dict(anyMapType, []) : readYaml(text)))],
];

/** As encoding/json reads into `interface {}`: every number is a float64. */
export function readJson(text: string): Value {
  let data: unknown;
  try {
    data = JSON.parse(text.toWellFormed());
  } catch (error) {
    const isCut =
      (error as Error).message.includes(`position ${text.length} `) || /end of JSON/.test(String(error));
    if (isCut) throw new FunctionError('unexpected end of JSON input');
    throw new FunctionError(`invalid JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  return fromJs(data);
}
