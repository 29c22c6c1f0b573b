import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FakeDependencies, failure, rendered, rendering } from '../fakes.ts';
import { none, pairsOf, web } from './data.ts';

const home = mkdtempSync(join(tmpdir(), 'fairlead-functions-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('while there is no answer', () => {
  test.each([
    ['{{ range service "web" }}x{{ else }}none{{ end }}', 'health.service(web|passing)'],
    ['{{ service "web" "passing,warning" | len }}', 'health.service(web|passing,warning)'],
    ['{{ connect "web" | toJSON }}', 'health.connect(web|passing)'],
    ['{{ services | toJSON }}', 'catalog.services'],
    ['{{ nodes "@dc1" | len }}', 'catalog.nodes(@dc1)'],
    ['{{ with node "n" }}x{{ end }}', 'catalog.node(n)'],
    ['{{ node "n" "@dc1" }}', 'catalog.node(n@dc1)'],
    ['{{ key "a" | toUpper }}', 'kv.block(a)'],
    ['{{ keyExists "a" }}', 'kv.get(a)'],
    ['{{ keyOrDefault "a" "d" }}', 'kv.get(a)'],
    ['{{ ls "a" | len }}', 'kv.list(a)'],
    ['{{ tree "a" | explode | toJSON }}', 'kv.list(a)'],
    ['{{ safeLs "a" | len }}', 'kv.list(a)'],
    ['{{ caRoots | toJSON }}', 'connect.caroots'],
    ['{{ with caLeaf "web" }}{{ .CertPEM }}{{ end }}', 'connect.caleaf(web)'],
    ['{{ partitions | len }}', 'list.partitions'],
    ['{{ peerings "?partition=p" | len }}', 'list.peerings?partition=p'],
    ['{{ exportedServices | len }}', 'list.exportedServices()'],
    ['{{ importedServices "p" | len }}', 'list.importedServices(p)'],
  ])('%s waits', (template, id) => {
    expect(rendered(template)).toBe(`missing ${id}`);
  });

  test.each([
    ['{{ service "" | len }}{{ connect "" | len }}{{ service | len }}', '000'],
    ['{{ key "" }}{{ keyExists "" }}{{ keyOrDefault "" "d" }}', 'falsed'],
    ['{{ ls "" | len }}{{ tree "" | len }}{{ safeTree "" | len }}', '000'],
    ['{{ file "" }}{{ caLeaf "" }}', '<no value>'],
  ])('%s asks for nothing', (template, expected) => {
    expect(rendered(template)).toBe(expected);
  });

  test('one query is one, however often it is asked', () => {
    const dependencies = new FakeDependencies();
    rendered('{{ service "web" }}{{ service "web|passing" }}{{ ls "a" }}{{ tree "a" }}', { dependencies });
    expect(dependencies.used).toEqual(['health.service(web|passing)', 'kv.list(a)']);
  });
});

describe('keys', () => {
  const dependencies = new FakeDependencies();
  dependencies.answers.set(
    'kv.list(p)',
    pairsOf('p', { '': '', a: '1', 'b/': '', 'b/c': '2', 'b/d/e': '3' }),
  );
  dependencies.answers.set('kv.list(none)', pairsOf('none', {}));
  dependencies.answers.set('kv.list(folder)', pairsOf('folder', { 'x/': '' }));
  dependencies.answers.set('kv.block(k)', 'v');
  dependencies.answers.set('kv.get(k)', 'v');

  test.each([
    ['{{ range ls "p" }}{{ .Key }}={{ .Value }};{{ end }}', 'a=1;'],
    ['{{ range tree "p" }}{{ .Key }}={{ .Value }};{{ end }}', 'a=1;b/c=2;b/d/e=3;'],
    ['{{ range safeTree "p" }}{{ .Key }};{{ end }}', 'a;b/c;b/d/e;'],
    ['{{ range ls "none" }}x{{ else }}empty{{ end }}', 'empty'],
    ['{{ safeLs "none" | len }}', 'missing kv.list(none)'],
    ['{{ safeTree "folder" | len }}', 'missing kv.list(folder)'],
    ['{{ key "k" }}{{ key "/k" }}{{ keyExists "k" }}{{ keyOrDefault "k" "d" }}', 'vvtruev'],
  ])('%s', (template, expected) => {
    expect(rendered(template, { dependencies })).toBe(expected);
  });
});

describe('the environment', () => {
  const variables: Readonly<Record<string, string>> = { A: 'x', EMPTY: '' };
  const options = { environment: (name: string) => variables[name] };
  test.each([
    ['{{ env "A" }}{{ env "NONE" }}', 'x'],
    ['{{ envOrDefault "A" "d" }} {{ envOrDefault "EMPTY" "d" }} {{ envOrDefault "NONE" "d" }}', 'x  d'],
    ['{{ mustEnv "A" }}', 'x'],
  ])('%s', (template, expected) => {
    expect(rendered(template, options)).toBe(expected);
  });

  test('mustEnv fails for what is empty', () => {
    expect(failure('{{ mustEnv "EMPTY" }}', options)).toBe(
      'error calling mustEnv: required environment variable EMPTY is empty',
    );
  });
});

describe('executeTemplate', () => {
  test('gives the text of a defined template, with its own dot', () => {
    expect(
      rendered('{{ define "t" }}[{{ . }}]{{ end }}{{ executeTemplate "t" 5 | toUpper | printf "%q" }}'),
    ).toBe('"[5]"');
    expect(rendered('{{ define "t" }}[{{ . }}]{{ end }}{{ executeTemplate "t" }}')).toBe('[<no value>]');
  });

  test('fails for an unknown one', () => {
    expect(failure('{{ executeTemplate "t" }}')).toContain('no template "t" associated');
  });
});

test('scratch is empty at the beginning of each run', () => {
  const template = '{{ scratch.Key "a" }}{{ scratch.Set "a" 1 }}{{ scratch.Key "a" }}';
  expect([rendered(template), rendered(template)]).toEqual(['falsetrue', 'falsetrue']);
});

describe('file', () => {
  const sandbox = join(home, 'sandbox');
  mkdirSync(sandbox);
  writeFileSync(join(home, 'secret'), 's');
  writeFileSync(join(sandbox, 'open'), 'o');
  symlinkSync(join(home, 'secret'), join(sandbox, 'link'));

  test.each([
    ['inside', 'open', `missing file(${join(sandbox, 'open')})`],
    ['with space around it', ' open ', `missing file(${join(sandbox, 'open')})`],
    ['not there yet', 'later', `missing file(${join(sandbox, 'later')})`],
  ])('%s is read', (_, name, expected) => {
    const path = name.trim() === name ? join(sandbox, name) : ` ${join(sandbox, name.trim())} `;
    expect(rendered(`{{ file "${path}" }}`, { sandboxPath: sandbox })).toBe(expected);
  });

  test.each([
    ['by dots', '../secret'],
    ['by dots to what is not there', '../nothing'],
    ['by a link', 'link'],
  ])('the sandbox is not left %s', (_, name) => {
    const path = `${sandbox}/${name}`;
    expect(failure(`{{ file "${path}" }}`, { sandboxPath: sandbox })).toBe(
      `error calling file: '${path}' is outside of sandbox`,
    );
  });
});

describe('trap 17: what has effects', () => {
  const target = join(home, 'new', 'written');
  const text = `{{ service "web" | len }}{{ writeToFile "${target}" "" "" "0640" "append,newline" "x" }}`;

  test('does nothing while data is missing, nor where nothing is to be changed', () => {
    expect(rendering(text, { performsEffects: true }).kind).toBe('missing');
    const dependencies = new FakeDependencies();
    dependencies.answers.set('health.service(web|passing)', web);
    expect(rendered(text, { dependencies, performsEffects: false })).toBe('3');
    expect(() => statSync(target)).toThrow();
  });

  test('happens once in a run that has all its data', () => {
    const dependencies = new FakeDependencies();
    dependencies.answers.set('health.service(web|passing)', none);
    expect(rendered(text, { dependencies, performsEffects: true })).toBe('0');
    expect(readFileSync(target, 'utf8')).toBe('x\n');
    expect(statSync(target).mode & 0o777).toBe(0o640);
    expect(rendered(text, { dependencies, performsEffects: true })).toBe('0');
    expect(readFileSync(target, 'utf8')).toBe('x\nx\n');
  });

  test('writeToFile refuses links and modes that are none', () => {
    const link = join(home, 'link');
    symlinkSync(join(home, 'secret'), link);
    symlinkSync(home, join(home, 'folder'));
    const failed = (path: string, mode: string): string =>
      failure(`{{ writeToFile "${path}" "" "" "${mode}" "x" }}`, { performsEffects: true });
    expect(failed(link, '0600')).toContain('refusing to write to symlink');
    expect(failed(join(home, 'folder', 'x'), '0600')).toContain(
      'refusing to write through symlinked directory',
    );
    expect(failed(join(home, 'y'), '9')).toContain('invalid syntax');
    expect(readFileSync(join(home, 'secret'), 'utf8')).toBe('s');
  });

  test('plugin gives what a program prints, and fails when it fails', () => {
    const run = (text: string): string => failure(text, { performsEffects: true });
    expect(run('{{ plugin "printf" "%s-%s" " a " "" "b" }}')).toBe('a-b');
    expect(run('{{ plugin "sh" "-c" "echo no >&2; exit 3" }}')).toContain('exec "sh": exit status 3');
    expect(run('{{ plugin "/nowhere" }}')).toContain('ENOENT');
    expect(run('{{ plugin "" }}')).toBe('');
  });
});

describe('functions that are not there', () => {
  test.each([
    ['{{ secret "x" }}', 'function "secret" not defined: it reads Vault, which fairlead does not'],
    [
      'a\n{{ with pkiCert "x" }}{{ end }}',
      'function "pkiCert" not defined: it reads Vault, which fairlead does not',
    ],
    ['{{ nomadVar "x" }}', 'function "nomadVar" not defined: it reads Nomad, which fairlead does not'],
    ['{{ key_or_default "a" "b" }}', 'function "key_or_default" not defined: it is called keyOrDefault'],
    [
      '{{ sprig_genPrivateKey "rsa" }}',
      'function "sprig_genPrivateKey" not defined: this one of Sprig is not offered',
    ],
    [
      '{{ sprig_uuidv4 }}',
      'function "sprig_uuidv4" not defined: its result may be another one every time, and so would be the file',
    ],
    ['{{ upper "a" }}', 'function "upper" not defined: did you mean sprig_upper?'],
    ['{{ nonsense }}', 'function "nonsense" not defined'],
  ])('%s is refused when it is read', (template, message) => {
    expect(failure(template).replace(/^:\d+: /, '')).toBe(message);
  });

  test('a list of denied ones is kept', () => {
    const options = { functionDenylist: ['env', 'sprig_to*'] };
    expect(failure('{{ env "HOME" }}', options)).toBe('error calling env: function is disabled');
    expect(failure('{{ sprig_toString 5 }}', options)).toBe(
      'error calling sprig_toString: function is disabled',
    );
    expect(rendered('{{ sprig_upper "a" }}', options)).toBe('A');
  });
});

describe('texts that others wrote', () => {
  test.each([
    ['{{ nginxQuote "a b;c" }}', '"a b;c"'],
    ['{{ nginxQuote `say "x\\y"` }}', '"say \\"x\\\\y\\""'],
    ['{{ haproxyQuote "a b#c\\\\" }}', "'a b#c\\'"],
    ['{{ haproxyQuote "it\'s $HOME" }}', '"it\'s \\$HOME"'],
    [
      '{{ host "10.0.0.1" }} {{ host "::1" }} {{ host "[fd00::1]" }} {{ host "a.b-c" }}',
      '10.0.0.1 [::1] [fd00::1] a.b-c',
    ],
    ['{{ ident "web-1.a_B" }}', 'web-1.a_B'],
  ])('%s', (template, expected) => {
    expect(rendered(template)).toBe(expected);
  });

  test.each([
    '{{ nginxQuote "$host" }}',
    '{{ nginxQuote "a\\n}" }}',
    '{{ haproxyQuote "a\\nbackend x" }}',
    '{{ haproxyQuote "\\xff" }}',
    '{{ host "a b" }}',
    '{{ host "x;}" }}',
    '{{ host "0.0.0.0" }}',
    '{{ ident "a b" }}',
    '{{ ident "-x" }}',
    '{{ ident "" }}',
  ])('%s is refused', (template) => {
    expect(rendered(template)).toMatch(/^failed: .*error calling (nginxQuote|haproxyQuote|host|ident): "/);
  });
});

describe('sockaddr', () => {
  test.each([
    ['{{ sockaddr "GetInterfaceIP \\"lo\\"" }}', '127.0.0.1'],
    [
      '{{ sockaddr "GetAllInterfaces | include \\"name\\" \\"^lo$\\" | include \\"type\\" \\"ipv4\\" | attr \\"address\\"" }}',
      '127.0.0.1',
    ],
    [
      '{{ sockaddr "GetAllInterfaces | include \\"flags\\" \\"loopback\\" | include \\"network\\" \\"127.0.0.0/8\\" | limit 1 | join \\"address\\" \\" \\"" }}',
      '127.0.0.1',
    ],
    ['{{ sockaddr "GetAllInterfaces | exclude \\"type\\" \\"IP\\" | attr \\"address\\"" }}', ''],
    ['{{ sockaddr "GetInterfaceIP" "\\"none0\\"" }}', ''],
  ])('%s', (template, expected) => {
    expect(rendered(template)).toBe(expected);
  });

  test.each([
    '{{ sockaddr "Nope" }}',
    '{{ sockaddr "GetAllInterfaces | include \\"rfc\\" \\"1\\"" }}',
    '{{ sockaddr "GetAllInterfaces | sort \\"size\\"" }}',
  ])('%s is refused', (template) => {
    expect(rendered(template)).toContain('error calling sockaddr: ');
  });
});
