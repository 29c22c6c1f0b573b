import { describe, expect, test } from 'vitest';
import { decode } from '../../../src/render/dependencies/decode.ts';
import { servicesType } from '../../../src/render/dependencies/types.ts';
import type { Value } from '../../../src/render/template/values.ts';
import { FakeDependencies, rendered, rendererOf } from './fakes.ts';
import { catalogOf, none } from './functions/data.ts';

function instances(...addresses: readonly string[]): Value {
  return decode(
    servicesType,
    addresses.map((address, at) => {
      const [host = '', port = '0'] = address.split(':');
      return {
        Node: `n${at}`,
        ID: `web${at}`,
        Name: 'web',
        Address: host,
        Port: Number(port),
        Status: 'passing',
      };
    }),
  );
}

/** A pool with least connections and a last resort, and the server block in front of it. */
const nginx = `upstream web {
  least_conn;
  {{range service "web"}}server {{.Address}}:{{.Port}} max_fails=3 fail_timeout=60 weight=1;
  {{else}}server 127.0.0.1:65535; # force a 502{{end}}
}

server {
  listen 80 default_server;

  location ~ ^/api/(.*)$ {
    proxy_pass http://web/$1$is_args$args;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Real-IP $remote_addr;
  }
}
`;

const serverBlock = nginx.slice(nginx.indexOf('}\n\nserver'));

describe('the template of an nginx front', () => {
  test('has a server for each instance', () => {
    const dependencies = new FakeDependencies();
    dependencies.answers.set('health.service(web|passing)', instances('10.0.0.1:8080', '10.0.0.2:8081'));
    expect(rendered(nginx, { dependencies })).toBe(`upstream web {
  least_conn;
  server 10.0.0.1:8080 max_fails=3 fail_timeout=60 weight=1;
  server 10.0.0.2:8081 max_fails=3 fail_timeout=60 weight=1;
  
${serverBlock}`);
  });

  test('has the placeholder where there is none', () => {
    const dependencies = new FakeDependencies();
    dependencies.answers.set('health.service(web|passing)', none);
    expect(rendered(nginx, { dependencies })).toBe(`upstream web {
  least_conn;
  server 127.0.0.1:65535; # force a 502
${serverBlock}`);
  });

  test('is withheld until Consul has answered', () => {
    expect(rendered(nginx)).toBe('missing health.service(web|passing)');
  });
});

describe('passes', () => {
  test('find what depends on answers, one level after the other', () => {
    const dependencies = new FakeDependencies();
    const renderer = rendererOf('{{ range services }}{{ range service .Name }}{{ .ID }};{{ end }}{{ end }}', {
      dependencies,
    });
    expect(renderer.render()).toMatchObject({ kind: 'missing', missing: new Set(['catalog.services']) });
    dependencies.answers.set('catalog.services', catalogOf({ a: [], b: [] }));
    expect(renderer.render()).toMatchObject({
      kind: 'missing',
      missing: new Set(['health.service(a|passing)', 'health.service(b|passing)']),
      used: new Set(['catalog.services', 'health.service(a|passing)', 'health.service(b|passing)']),
    });
    dependencies.answers.set('health.service(a|passing)', instances('1:1'));
    dependencies.answers.set('health.service(b|passing)', none);
    expect(renderer.render()).toMatchObject({ kind: 'rendered', text: 'web0;' });
  });

  test('let go of what is not asked for any more', () => {
    const dependencies = new FakeDependencies();
    dependencies.answers.set('kv.block(which)', 'a');
    const renderer = rendererOf('{{ key (key "which") }}', { dependencies });
    renderer.render();
    expect(dependencies.used).toEqual(['kv.block(which)', 'kv.block(a)']);
    dependencies.answers.set('kv.block(which)', 'b');
    renderer.render();
    expect(dependencies.used).toEqual(['kv.block(which)', 'kv.block(b)']);
  });

  test('that are cut short by an error let go of nothing', () => {
    const dependencies = new FakeDependencies();
    dependencies.answers.set('kv.block(a)', '1');
    dependencies.answers.set('kv.block(b)', 'x');
    const renderer = rendererOf('{{ parseInt (key "a") }}{{ key "b" }}', { dependencies });
    expect(renderer.render().kind).toBe('rendered');
    dependencies.answers.set('kv.block(a)', 'none');
    expect(renderer.render()).toMatchObject({ kind: 'failed' });
    expect(dependencies.used).toEqual(['kv.block(a)', 'kv.block(b)']);
  });

  test('report an error once everything is there, with its place', () => {
    const dependencies = new FakeDependencies();
    const renderer = rendererOf('a\n{{ parseInt (key "a") }}', { dependencies, name: 'x.ctmpl' });
    expect(renderer.render().kind).toBe('missing');
    dependencies.answers.set('kv.block(a)', 'x');
    expect(renderer.render()).toEqual({
      kind: 'failed',
      error:
        'template: x.ctmpl:2:3: executing "x.ctmpl" at <parseInt (key "a")>: error calling parseInt: parseInt: strconv.ParseInt: parsing "x": invalid syntax',
    });
  });

  test('that never end are an error also while data is missing', () => {
    const text = '{{ key "a" }}{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}';
    expect(rendered(text)).toContain('exceeded maximum template depth');
  });
});

describe('options of a template', () => {
  test('other delimiters', () => {
    const text = '{{ x }} << env "A" >>';
    const options = { leftDelimiter: '<<', rightDelimiter: '>>', environment: () => 'v' };
    expect(rendered(text, options)).toBe('{{ x }} v');
  });

  test('an error for a missing key of a map', () => {
    const text = '{{ (parseJSON "{}").a }}';
    expect(rendered(text)).toBe('<no value>');
    expect(rendered(text, { errorOnMissingKey: true })).toContain('map has no entry for key "a"');
  });
});

test('a template of 2,000 services takes little to be rendered anew', () => {
  const names = Array.from({ length: 2_000 }, (_, at) => `service-${at}`);
  const dependencies = new FakeDependencies();
  dependencies.answers.set(
    'catalog.services',
    catalogOf(Object.fromEntries(names.map((name) => [name, []]))),
  );
  for (const name of names)
    dependencies.answers.set(
      `health.service(${name}|passing)`,
      instances('10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'),
    );
  const text =
    '{{ range services }}upstream {{ .Name }} { {{ range service .Name }}server {{ .Address }}:{{ .Port }};{{ else }}server 127.0.0.1:65535;{{ end }} }\n{{ end }}';
  const renderer = rendererOf(text, { dependencies });
  for (let round = 0; round < 3; round++) renderer.render();
  dependencies.answers.set('health.service(service-7|passing)', none);
  const started = process.cpuUsage();
  const result = renderer.render();
  const { user, system } = process.cpuUsage(started);
  expect(result).toMatchObject({ kind: 'rendered' });
  expect((result as { text: string }).text.split('\n')[7]).toBe(
    'upstream service-7 { server 127.0.0.1:65535; }',
  );
  // 25 ms once it is warm; the compiler's threads count, too.
  expect((user + system) / 1_000).toBeLessThan(500);
});
