import { describe, expect, test } from 'vitest';
import { type ConfdResource, createConfdRenderers } from '../../../../src/render/confd/renderers.ts';
import { decode } from '../../../../src/render/dependencies/decode.ts';
import { keyPairsType } from '../../../../src/render/dependencies/types.ts';
import { stringMap, strings } from '../../../../src/render/template/values.ts';
import { FakeDependencies, NOW } from '../fakes.ts';

const keys = {
  'app/upstream/a': '10.0.0.1:80',
  'app/upstream/b': '10.0.0.2:80',
  'app/upstream/deep/c': '10.0.0.0:80',
  'app/name': 'shop',
  'app/json': '{"a":{"b":1},"l":[1,2]}',
  'app/': '',
};

function withKeys(): FakeDependencies {
  const dependencies = new FakeDependencies();
  const pairs = Object.entries(keys).map(([Path, Value]) => ({ Path, Key: Path, Value }));
  dependencies.answers.set('kv.list(app)', decode(keyPairsType, pairs));
  return dependencies;
}

function render(text: string, given: Partial<ConfdResource> = {}, dependencies = withKeys()): string {
  const resource: ConfdResource = {
    name: 't',
    text,
    backend: 'consul',
    prefix: '/app',
    keys: ['/'],
    ...given,
  };
  const options = { environment: (name: string) => ({ A: 'x', EMPTY: '' })[name], now: () => NOW };
  const result = createConfdRenderers([resource], dependencies, options)[0]!.render();
  if (result.kind === 'rendered') return result.text;
  if (result.kind === 'missing') return `missing ${[...result.missing].join(' ')}`;
  return result.error.replace(/^template: t:1:\d+: executing "t" at <.*?>: /, '');
}

describe("confd's functions", () => {
  test.each([
    ['{{exists "/name"}} {{exists "/none"}}', 'true false'],
    [
      '{{getv "/name"}} {{getv "/none" "d"}} {{(get "/name").Key}}={{(get "/name").Value}}',
      'shop d /name=shop',
    ],
    [
      '{{range gets "/upstream/*"}}{{.Key}}={{.Value}};{{end}}',
      '/upstream/a=10.0.0.1:80;/upstream/b=10.0.0.2:80;',
    ],
    ['{{range getvs "/upstream/*"}}{{.}};{{end}}', '10.0.0.1:80;10.0.0.2:80;'],
    [
      '{{len (gets "/upstream/[ab]")}}{{len (gets "/upstream/[^a]")}}{{len (gets "/up*/?")}}{{len (gets "/.*")}}',
      '2120',
    ],
    ['{{ls "/upstream"}} {{ls "/name"}} {{ls "/none"}}', '[a b deep] [name] []'],
    ['{{lsdir "/upstream"}} {{lsdir "/name"}}', '[deep] []'],
    ['{{base "/a/b"}} {{dir "/a/b"}} {{split "a:b" ":"}} {{join (split "a:b" ":") "-"}}', 'b /a [a b] a-b'],
    [
      '{{replace "aaa" "a" "b" 2}} {{replace "aaa" "a" "b" -1}} {{contains "abc" "b"}} {{trimSuffix "a.b" ".b"}}',
      'bba bbb true a',
    ],
    ['{{toUpper "a"}}{{toLower "B"}}', 'Ab'],
    ['{{with json (getv "/json")}}{{.a.b}}{{end}} {{range jsonArray "[1,2]"}}{{.}};{{end}}', '1 1;2;'],
    ['{{with map "k" "v" "n" 1}}{{.k}}{{.n}}{{end}}', 'v1'],
    ['{{getenv "A"}} {{getenv "EMPTY" "d"}} {{getenv "NONE"}}', 'x d '],
    [
      '{{datetime}} {{datetime.Format "Jan 2, 2006"}} {{datetime.Unix}}',
      '2023-11-14 22:13:20 +0000 UTC Nov 14, 2023 1700000000',
    ],
    [
      '{{atoi "12"}} {{parseBool "t"}} {{add 1 2}} {{sub 5 2}} {{mul 2 3}} {{div 7 2}} {{mod 7 2}}',
      '12 true 3 3 6 3 1',
    ],
    ['{{seq 1 3}} {{range seq 5 4}}x{{end}}', '[1 2 3] '],
    [
      '{{reverse (getvs "/upstream/*")}} {{range reverse (gets "/upstream/*")}}{{base .Key}}{{end}}',
      '[10.0.0.2:80 10.0.0.1:80] ba',
    ],
    [
      '{{sortByLength (split "ccc,a,bb" ",")}} {{range sortKVByLength (gets "/*")}}{{.Key}}{{end}}',
      '[a bb ccc] /json/name',
    ],
    [
      '{{fileExists "/"}} {{fileExists "/nowhere"}} {{base64Encode "a"}} {{base64Decode "YQ=="}}',
      'true false YQ== a',
    ],
  ])('%s', (text, expected) => {
    expect(render(text)).toBe(expected);
  });

  test.each([
    ['{{getv "/none"}}', 'error calling getv: key does not exist: /none'],
    ['{{get "/none"}}', 'error calling get: key does not exist: /none'],
    ['{{gets "/["}}', 'error calling gets: syntax error in pattern'],
    ['{{atoi "x"}}', 'error calling atoi: strconv.Atoi: parsing "x": invalid syntax'],
    ['{{div 1 0}}', 'error calling div: runtime error: integer divide by zero'],
    ['{{map "a"}}', 'error calling map: invalid map call'],
    [
      '{{json "[1]"}}',
      'error calling json: json: cannot unmarshal into Go value of type map[string]interface {}',
    ],
    ['{{base64Decode "!"}}', 'error calling base64Decode: illegal base64 data'],
  ])('%s fails', (text, message) => {
    expect(render(text)).toBe(message);
  });

  test('of the root see no folders, as in confd', () => {
    expect(render('{{ls "/"}} {{lsdir "/"}}')).toBe('[json name] []');
  });

  test("are not consul-template's: the same names take their arguments in another order", () => {
    expect(render('{{join (split "a,b" ",") "-"}}')).toBe('a-b');
    expect(() => render('{{service "web"}}')).toThrow('function "service" not defined');
  });

  test('of names wait for the name server, and print what it says', () => {
    const dependencies = withKeys();
    const text =
      '{{lookupIP "db"}} {{lookupIPV4 "db"}} {{lookupIPV6 "db"}} {{len (lookupSRV "web" "tcp" "x.y")}}';
    expect(render(text, {}, dependencies)).toBe('missing lookup.address(db) lookup.service(_web._tcp.x.y)');
    dependencies.answers.set('lookup.address(db)', strings(['10.0.0.1', '::1']));
    dependencies.answers.set('lookup.service(_web._tcp.x.y)', strings([]));
    expect(render(text, {}, dependencies)).toBe('[10.0.0.1 ::1] [10.0.0.1] [::1] 0');
  });
});

describe("confd's keys", () => {
  test('are those below the prefix that the resource names', () => {
    const dependencies = withKeys();
    dependencies.answers.set(
      'kv.list(app/upstream)',
      decode(keyPairsType, [{ Path: 'app/upstream/a', Value: '1' }]),
    );
    dependencies.answers.set(
      'kv.list(app/name)',
      decode(keyPairsType, [{ Path: 'app/name', Value: 'shop' }]),
    );
    const text = '{{range gets "/*"}}{{.Key}} {{end}}{{getv "/upstream/a"}}';
    expect(render(text, { keys: ['/upstream', 'name'] }, dependencies)).toBe('/name 1');
  });

  test('without a prefix go by their whole name', () => {
    const dependencies = new FakeDependencies();
    dependencies.answers.set('kv.list(app)', decode(keyPairsType, [{ Path: 'app/name', Value: 'shop' }]));
    expect(render('{{getv "/app/name"}}', { prefix: '', keys: ['/app'] }, dependencies)).toBe('shop');
  });

  test('are waited for before anything is evaluated', () => {
    expect(render('{{getv "/name"}}', {}, new FakeDependencies())).toBe('missing kv.list(app)');
  });

  test('are read from Redis as well', () => {
    const dependencies = new FakeDependencies();
    dependencies.answers.set('redis(/app)', stringMap({ '/app/name': 'shop', '/app/x/y': '1' }));
    const given = { backend: 'redis' } as const;
    expect(render('{{getv "/name"}} {{ls "/x"}}', given, dependencies)).toBe('shop [y]');
  });
});
