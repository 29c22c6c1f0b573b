import { fixed, type TemplateFunction } from '../template/functions.ts';
import { anyType } from '../template/kinds.ts';
import type { Named } from './define.ts';
import { encodeJson, type JsonStyle } from './json-encoder.ts';
import { wrapping } from './numbers.ts';
import { encodeToml } from './toml-encoder.ts';
import { encodeYaml } from './yaml-encoder.ts';

function json(name: string, style: JsonStyle): readonly [string, TemplateFunction] {
  const does = fixed([anyType], ([value], { maxStringBytes }) =>
    wrapping(name, () => encodeJson(value, style, maxStringBytes)),
  );
  return [name, does];
}

export const encodingFunctions: Named = [
  json('toJSON', { escapesHtml: true, indent: '' }),
  json('toJSONPretty', { escapesHtml: true, indent: '  ' }),
  json('toUnescapedJSON', { escapesHtml: false, indent: '' }),
  json('toUnescapedJSONPretty', { escapesHtml: false, indent: '  ' }),
  [
    'toYAML',
    fixed([anyType], ([value], { maxStringBytes }) =>
      wrapping('toYAML', () => encodeYaml(value, maxStringBytes).trim()),
    ),
  ],
  ['toTOML', fixed([anyType], ([value]) => wrapping('toTOML', () => encodeToml(value)))],
];
