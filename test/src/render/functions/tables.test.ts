import { describe, expect, test } from 'vitest';
import { FakeDependencies, failure, rendered } from '../fakes.ts';
import { failsAll, rendersAll } from './case.ts';
import { encodings, encodingsFailures } from './cases/encodings.ts';
import { helpers, helpersFailures } from './cases/helpers.ts';
import { numbers, numbersFailures } from './cases/numbers.ts';
import { pairs, pairsFailures } from './cases/pairs.ts';
import { parseYaml } from './cases/parse-yaml.ts';
import { services, servicesFailures } from './cases/services.ts';
import { sprigCollections, sprigCollectionsFailures } from './cases/sprig-collections.ts';
import { sprigNumbers, sprigNumbersFailures } from './cases/sprig-numbers.ts';
import { sprigTexts, sprigTextsFailures } from './cases/sprig-texts.ts';
import { toYaml, toYamlFailures } from './cases/to-yaml.ts';
import { pairsOf, withWeb } from './data.ts';

/** Templates with the outputs and errors that Go programs with the same functions gave for them. */

describe('texts, lists, maps, digests and expressions', () => {
  rendersAll(helpers);
  failsAll(helpersFailures);
});

describe('numbers', () => {
  rendersAll(numbers);
  failsAll(numbersFailures);
});

describe('JSON and TOML', () => {
  rendersAll(encodings);
  failsAll(encodingsFailures);
});

describe('YAML out', () => {
  rendersAll(toYaml);
  failsAll(toYamlFailures);
});

describe('YAML in', () => {
  rendersAll(parseYaml);
});

describe('services', () => {
  const dependencies = withWeb();
  rendersAll(services, { dependencies });
  failsAll(servicesFailures, { dependencies });
});

describe('keys', () => {
  const given = (keys: Readonly<Record<string, string>>): FakeDependencies => {
    const dependencies = new FakeDependencies();
    dependencies.answers.set('kv.list(p)', pairsOf('p', keys));
    return dependencies;
  };
  test.each(pairs)('%s', (template, expected, keys) => {
    expect(rendered(template, { dependencies: given(keys) })).toBe(expected);
  });
  test.each(pairsFailures)('%s fails', (template, expected, keys) => {
    expect(failure(template, { dependencies: given(keys) })).toBe(expected);
  });
});

describe('sprig', () => {
  rendersAll(sprigCollections);
  failsAll(sprigCollectionsFailures);
  rendersAll(sprigNumbers);
  failsAll(sprigNumbersFailures);
  rendersAll(sprigTexts);
  failsAll(sprigTextsFailures);
});
