import { describe, expect, test } from 'vitest';
import { decode } from '../../../../src/render/dependencies/decode.ts';
import { nodeDetailType } from '../../../../src/render/dependencies/types.ts';
import { pointer, type Struct, type Value } from '../../../../src/render/template/values.ts';
import { FakeDependencies, failure, rendered, rendererOf, rendering } from '../fakes.ts';
import { catalogOf, none, pairsOf, web, withWeb } from './data.ts';

/** What surprises people in consul-template, by the numbers under which it was collected. */

function withAnswers(answers: Readonly<Record<string, Value>>): FakeDependencies {
  const dependencies = new FakeDependencies();
  for (const [id, value] of Object.entries(answers)) dependencies.answers.set(id, value);
  return dependencies;
}

const allServices = '{{ range services }}{{ .Name }}:{{ range service .Name }}{{ .ID }} {{ end }};{{ end }}';

describe('trap 1: one oddly named service', () => {
  test('does not keep a file with all services from being rendered', () => {
    const dependencies = withAnswers({
      'catalog.services': catalogOf({ 'a/b': [], café: [], 'node.js': [], 'w|x': [], web: [], 'x@y': [] }),
    });
    dependencies.otherwise = (query) => (query.kind === 'service' && query.name === 'web' ? web : none);
    expect(rendered(allServices, { dependencies })).toBe(
      'a/b:;café:;node.js:;w|x:;web:web80 web81 web80 ;x@y:;',
    );
    expect(dependencies.used).toEqual([
      'catalog.services',
      'health.service(a/b|passing)',
      'health.service(café|passing)',
      'health.service(node.js|passing)',
      'health.service(w|x|passing)',
      'health.service(web|passing)',
      'health.service(x@y|passing)',
    ]);
  });

  test('with a dot is asked for by its whole name, not as a tag and a name', () => {
    const asked: string[] = [];
    const dependencies = withAnswers({ 'catalog.services': catalogOf({ 'node.js': [] }) });
    dependencies.otherwise = (query) => {
      if (query.kind === 'service') asked.push(`${query.tag}|${query.name}`);
      return none;
    };
    rendered(allServices, { dependencies });
    expect(asked).toEqual(['|node.js']);
  });

  test('is still a tag and a name where both readings are possible, and says so once', () => {
    const warnings: string[] = [];
    const asked: string[] = [];
    const dependencies = withAnswers({ 'catalog.services': catalogOf({ js: [], 'node.js': [] }) });
    dependencies.otherwise = (query) => {
      if (query.kind === 'service') asked.push(`${query.tag}|${query.name}`);
      return none;
    };
    const renderer = rendererOf(allServices, {
      dependencies,
      onWarning: (_, message) => warnings.push(message),
    });
    renderer.render();
    renderer.render();
    expect(asked.slice(0, 2)).toEqual(['|js', 'node|js']);
    expect(warnings).toEqual([
      'service "node.js" is taken for "js" with the tag "node", although there is a service of that whole name',
    ]);
  });

  test('that nobody listed is asked for as it is, with a warning', () => {
    const warnings: string[] = [];
    const text = rendered('{{ range service "my service" "any" }}x{{ else }}none{{ end }}', {
      dependencies: withAnswers({ 'health.service(my service|any)': none }),
      onWarning: (_, message) => warnings.push(message),
    });
    expect(text).toBe('none');
    expect(warnings).toHaveLength(1);
  });

  test('leaves mistakes of the author errors', () => {
    expect(failure('{{ service "web|healthy" }}')).toContain('invalid filter: "healthy"');
    expect(failure('{{ service "web?x=1" }}')).toContain('invalid query parameter key "x"');
  });

  test('of a node is asked for as it is', () => {
    expect(rendered('{{ node "a b" }}')).toBe('missing catalog.node(a b)');
  });
});

test('trap 16: a missing file is waited for, not fatal', () => {
  expect(rendered('{{ file "/nowhere/x" }}')).toBe('missing file(/nowhere/x)');
});

test('trap 18: timestamp follows the clock that is given', () => {
  expect(rendered('{{ timestamp }} {{ timestamp "unix" }}')).toBe('2023-11-14T22:13:20Z 1700000000');
});

describe('trap 19: a missing key of a map', () => {
  test('is an error where something of it is asked for', () => {
    const text = '{{ (parseJSON "{}").a }}{{ (parseJSON "{}").a.b }}';
    expect(failure(text)).toBe('nil pointer evaluating interface {}.b');
  });

  test('is none while data is missing', () => {
    const text = '{{ (parseJSON (key "k")).a.b }}';
    expect(rendered(text)).toBe('missing kv.block(k)');
    const dependencies = withAnswers({ 'kv.block(k)': '{"a":{"b":"x"}}' });
    expect(rendered(text, { dependencies })).toBe('x');
  });
});

test('trap 20: an error in the first pass keeps what was asked for before it', () => {
  const dependencies = new FakeDependencies();
  rendered('{{ key "a" }}{{ index (service "web") 0 }}{{ key "b" }}', { dependencies });
  expect(dependencies.used).toEqual(['kv.block(a)', 'health.service(web|passing)']);
});

test('trap 21: an empty value is none for keyOrDefault, and one for keyExists', () => {
  const dependencies = withAnswers({ 'kv.get(empty)': '', 'kv.get(gone)': null, 'kv.get(full)': 'x' });
  const shown = (key: string): string =>
    rendered(`{{ keyOrDefault "${key}" "d" }} {{ keyExists "${key}" }}`, { dependencies });
  expect([shown('empty'), shown('gone'), shown('full')]).toEqual(['d true', 'd false', 'x true']);
});

test('trap 22: ls of a prefix has keys that only begin like it', () => {
  const dependencies = withAnswers({ 'kv.list(a/b)': pairsOf('a', { x: '1', c: '2', 'y/z': '3' }) });
  expect(rendered('{{ range ls "a/b" }}{{ .Key }} {{ end }}', { dependencies })).toBe('x c ');
});

test('trap 23: datacenters that answer and all of them are two questions', () => {
  expect(rendered('{{ datacenters }}{{ datacenters true }}')).toBe(
    'missing catalog.datacenters catalog.datacenters(true)',
  );
});

test('trap 24: loop has an index where two variables are given', () => {
  expect(rendered('{{ range $i, $e := loop 5 8 }}{{ $i }}={{ $e }} {{ end }}')).toBe('0=5 1=6 2=7 ');
});

test('trap 25: .Tags.Contains works, as does the modern form', () => {
  const text = '{{ range service "web" }}{{ .Tags.Contains "b" }} {{ .Tags | contains "b" }} {{ end }}';
  expect(rendered(text, { dependencies: withWeb() })).toBe('true true false false false false ');
});

test('trap 26: a service has no datacenter', () => {
  const text = '{{ range service "web" }}{{ .Datacenter }}{{ end }}';
  expect(failure(text, { dependencies: withWeb() })).toBe(
    "can't evaluate field Datacenter in type *dependency.HealthService",
  );
});

test('trap 30: a mapping from YAML is no JSON', () => {
  expect(failure('{{ parseYAML "a: 1" | toJSON }}')).toBe(
    'error calling toJSON: toJSON: json: unsupported type: map[interface {}]interface {}',
  );
});

test('an unknown node is true, and has none', () => {
  const nobody = pointer(decode(nodeDetailType, {}) as Struct);
  const dependencies = withAnswers({ 'catalog.node(x)': nobody });
  expect(rendered('{{ with node "x" }}found{{ end }}', { dependencies })).toBe('found');
  expect(failure('{{ with node "x" }}{{ .Node.Address }}{{ end }}', { dependencies })).toContain(
    'nil pointer',
  );
});

test('floats of JSON print with an exponent from a million on', () => {
  expect(rendered('{{ with parseJSON "{\\"n\\":1000000}" }}{{ .n }} {{ toJSON .n }}{{ end }}')).toBe(
    '1e+06 1000000',
  );
});

test('Unicode of a hostile key is no way into a prototype', () => {
  const text = '{{ with parseJSON "{\\"__proto__\\":{\\"x\\":1},\\"constructor\\":2}" }}{{ . }}{{ end }}';
  expect(rendered(text)).toBe('map[__proto__:map[x:1] constructor:2]');
  expect(({} as { x?: number }).x).toBeUndefined();
  expect(rendering('{{ (sprig_dict).toString }}')).toMatchObject({ text: '<no value>' });
});
