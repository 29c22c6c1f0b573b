import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createSource } from '../../../src/render/create-source.ts';
import type { CreateRenderers } from '../../../src/render/renderer.ts';
import { eventually } from '../../support/process.ts';
import { Live, viewOf } from './live.ts';
import { load, loadedWithWarnings, templateOf } from './loading.ts';

/**
 * What surprises people in consul-template, and what happens here: its reading of a template, each rendered once from
 * a catalog with the services `web`, `a/b`, `café` and `node.js`, and keys. Those that need time, and those of the
 * language alone (functions/traps.test.ts), follow or stand where their parts are tested.
 */
const cases: readonly (readonly [trap: string, contents: string, written: string])[] = [
  [
    'trap 1, odd names: a service nobody can name keeps no file from being written',
    '{{ range services }}{{ if ne .Name "consul" }}{{ .Name }}={{ range service .Name }}{{ .Port }}{{ end }} {{ end }}{{ end }}',
    'a/b=1 café=2 node.js=3 web=80 ',
  ],
  [
    'trap 5, empty answers: a service that does not exist is an answer, and takes `else`',
    '{{ range service "nobody" }}x{{ else }}none{{ end }}',
    'none',
  ],
  ['trap 10, HCL 1: braces after a dollar sign are text', `a $${'{b}'} c`, `a $${'{b}'} c`],
  [
    'trap 19, nested missing keys: no error before the data is there',
    '{{ (parseJSON (key "json")).a.b }}',
    'deep',
  ],
  [
    'trap 21, empty values: missing for keyOrDefault, there for keyExists',
    '{{ keyOrDefault "empty" "d" }} {{ keyExists "empty" }}',
    'd true',
  ],
  [
    'trap 22, ls without a slash: keys that only begin alike',
    '{{ range ls "p/b" }}{{ .Key }} {{ end }}',
    'x c ',
  ],
  [
    'trap 23, datacenters: two questions, two answers',
    '{{ datacenters }}{{ datacenters true }}',
    '[dc1][dc1]',
  ],
  ['trap 24, loop with an index works', '{{ range $i, $n := loop 2 }}{{ $i }}{{ $n }} {{ end }}', '00 11 '],
  [
    'a method of Consul: the worst of all checks',
    '{{ range service "web" "any" }}{{ .Port }} {{ .Checks.AggregatedStatus }} {{ end }}',
    '80 passing 81 warning ',
  ],
  ['trap 25, .Tags.Contains works', '{{ range service "web" }}{{ .Tags.Contains "blue" }}{{ end }}', 'true'],
];

function inHcl(contents: string, more = ''): string {
  return `template {\n contents = <<EOT\n${contents}\nEOT\n destination = "out"\n ${more}\n}\n`;
}

async function catalog(): Promise<Live> {
  const live = await Live.create();
  live.service('web', 80, { Tags: ['blue'] });
  live.service('web', 81, { Check: { TTL: '1h', Status: 'warning' } });
  for (const [port, name] of ['a/b', 'café', 'node.js'].entries()) live.service(name, port + 1);
  for (const [key, value] of Object.entries({
    json: '{"a":{"b":"deep"}}',
    empty: '',
    'p/b/x': '1',
    'p/bc': '2',
  }))
    live.registry.putKey(key, value);
  return live;
}

describe('rendered once', () => {
  test.each(cases)('%s', async (_, contents, written) => {
    const live = await catalog();
    live.write('c.hcl', inHcl(contents));
    const session = await live.start(['-config', 'c.hcl', '-once']);
    expect(await session.ended).toBe(0);
    expect(live.read('out')).toBe(`${written}\n`);
  });

  test.each([
    ['trap 16, plugin: a program that fails is an error of the template', '{{ plugin "false" }}'],
    [
      'trap 26, no datacenter in a service: an error that names the field',
      '{{ range service "web" }}{{ .Datacenter }}{{ end }}',
    ],
    ['trap 30, YAML to JSON: an error, no half file', '{{ parseYAML "a: 1" | toJSON }}'],
  ])('%s', async (_, contents) => {
    const live = await catalog();
    live.write('c.hcl', inHcl(contents));
    const session = await live.start(['-config', 'c.hcl', '-once']);
    expect(await session.ended).toBe(14);
    expect(live.read('out')).toBeNull();
  });
});

test('an error of a template begins with the file and the place in it, and says each once', async () => {
  const live = await catalog();
  live.write('t', 'a\n{{ range service "web" }}{{ .Nope }}{{ end }}');
  const session = await live.start(['-template', 't:out']);
  await eventually(() => viewOf(session).result === 'failed');
  expect(viewOf(session).reason).toBe(
    `template: ${live.dir}/t:2:28: executing "${live.dir}/t" at <.Nope>: can't evaluate field Nope in type *dependency.HealthService`,
  );
});

describe('the configuration', () => {
  const template = 'template { contents = "x" destination = "out" }';

  test('trap 10, HCL 1: perms = 0600 is what chmod means', async () => {
    const live = await Live.create();
    live.write('c.hcl', inHcl('x', 'perms = 0600'));
    expect(await (await live.start(['-config', 'c.hcl', '-once'])).ended).toBe(0);
    expect(statSync(join(live.dir, 'out')).mode & 0o777).toBe(0o600);
  });

  test('trap 11, once in a file ends the run', async () => {
    const live = await Live.create();
    live.write('c.hcl', `once = true\n${inHcl('x')}`);
    expect(await (await live.start(['-config', 'c.hcl'])).ended).toBe(0);
  });

  test('trap 12, wait { enabled } is understood', () => {
    const hcl = (enabled: string): string => `wait { enabled = ${enabled} min = "1s" }\n${template}`;
    expect(templateOf({ hcl: hcl('true') }).wait).toMatchObject({ minMs: 1000 });
    expect(templateOf({ hcl: hcl('false') }).wait).toBeNull();
  });

  test('trap 13, exec { enabled = false } starts nothing', () => {
    const { config } = loadedWithWarnings({ hcl: `exec { enabled = false command = "x" }\n${template}` });
    expect(config.exec).toBeNull();
  });

  test('trap 14, a comma in a command: it stays one command', async () => {
    const live = await Live.create();
    live.write('c.hcl', inHcl('x', `command = "printf %s a,b > ${join(live.dir, 'told')}"`));
    expect(await (await live.start(['-config', 'c.hcl', '-once'])).ended).toBe(0);
    expect(live.read('told')).toBe('a,b');
  });

  test.each(['splay = "5s"', 'kill_signal = "SIGTERM"', 'kill_timeout = "1s"'])(
    'trap 15, %s of a command: no effect, and a warning says so',
    (key) => {
      const hcl = `template {\n contents = "x"\n destination = "out"\n exec {\n  command = "true"\n  ${key}\n }\n}`;
      expect(loadedWithWarnings({ hcl }).warnings).toEqual([
        expect.stringMatching(/^c\.hcl:4:\d+: template\.exec\.\w+ has no effect/),
      ]);
    },
  );

  test('trap 4, max_stale: no read is stale, and a warning says so', () => {
    const { warnings } = loadedWithWarnings({ hcl: `max_stale = "10m"\n${template}` });
    expect(warnings).toEqual([expect.stringMatching(/^c\.hcl:1:\d+: max_stale has no effect/)]);
  });

  test('trap 27, telemetry is an unknown key; admin { } is what there is', () => {
    expect(load({ hcl: `telemetry {}\n${template}` }).kind).toBe('refused');
    expect(load({ hcl: `admin { address = "127.0.0.1:0" }\n${template}` }).kind).toBe('config');
  });
});

describe('while it runs', () => {
  const servers = '{{ range service "web" }}{{ .Port }} {{ end }}';

  test('trap 4, leader lost: the file stays, untouched, and goes on with the leader', async () => {
    const live = await Live.create({ t: servers });
    live.service('web', 80);
    const session = await live.start(['-template', 't:out']);
    await eventually(() => live.read('out') === '80 ');
    const before = live.identity('out');
    const lost = live.registry.faults.fail(500, 'No cluster leader');
    live.service('web', 81);
    await eventually(() => lost.hits > 3);
    expect(live.identity('out')).toEqual(before);
    expect(viewOf(session).reason).toBeNull();
    lost.clear();
    await eventually(() => live.read('out') === '80 81 ');
  });

  test('trap 5, empty catalog: an agent that lost its memory takes nothing away for a while', async () => {
    const live = await Live.create({ t: servers });
    for (const port of [80, 81]) live.service('web', port);
    await live.start(['-template', 't:out', '-consul-hold', '3s']);
    await eventually(() => live.read('out') === '80 81 ');
    const before = live.identity('out');
    // Its index goes on from above the old one only after many changes: at first it is far below.
    for (let n = 0; n < 20; n++) live.registry.putKey('filler', String(n));
    live.service('web', 82);
    await eventually(() => live.read('out') === '80 81 82 ');
    const held = live.identity('out');
    expect(held).not.toEqual(before);
    live.registry.faults.wipe();
    const asked = live.registry.faults.requestCount();
    await eventually(() => live.registry.faults.requestCount() > asked + 3);
    expect(live.identity('out')).toEqual(held);
    for (const port of [80, 81, 83]) live.service('web', port);
    await eventually(() => live.read('out') === '80 81 83 ', { timeoutMs: 10_000 });
  });

  test('trap 16, file: one that is missing is waited for', async () => {
    const live = await Live.create();
    live.write('t', `{{ file "${join(live.dir, 'data')}" }}`);
    const session = await live.start(['-template', 't:out']);
    await eventually(() => viewOf(session).result === 'missing');
    live.write('data', 'here');
    await eventually(() => live.read('out') === 'here');
  });

  test('trap 17, effects: writeToFile writes nothing before all data is there', async () => {
    const live = await Live.create();
    live.write('t', `{{ key "late" | writeToFile "${join(live.dir, 'side')}" "" "" "0644" }}done`);
    const session = await live.start(['-template', 't:out']);
    await eventually(() => viewOf(session).result === 'missing');
    expect(live.read('side')).toBeNull();
    live.registry.putKey('late', 'v');
    await eventually(() => live.read('out') === 'done');
    expect(live.read('side')).toBe('v');
  });

  test('trap 18, timestamp: changes elsewhere neither write nor run anything', async () => {
    const live = await Live.create({
      stamped: '{{ timestamp }} {{ key "a" }}',
      other: '{{ key "b" }}',
    });
    for (const key of ['a', 'b']) live.registry.putKey(key, '1');
    const told = `stamped:out:echo >> ${join(live.dir, 'runs')}`;
    await live.start(['-template', told, '-template', 'other:b']);
    await eventually(() => live.read('runs') === '\n');
    const before = live.identity('out');
    live.registry.putKey('b', '2');
    await eventually(() => live.read('b') === '2');
    expect(live.identity('out')).toEqual(before);
    expect(live.read('runs')).toBe('\n');
  });

  test('trap 20, an error in the first pass: what it needs is watched, and it mends by itself', async () => {
    const live = await Live.create({ t: '{{ (index (service "web") 0).Port }} {{ key "k" }}' });
    live.registry.putKey('k', 'v');
    const session = await live.start(['-template', 't:out']);
    await eventually(() => viewOf(session).result === 'failed');
    live.service('web', 80);
    await eventually(() => live.read('out') === '80 v');
  });

  test('trap 7, HUP while it starts: the new configuration is not lost', async () => {
    const live = await Live.create();
    live.write('one.hcl', inHcl('one'));
    live.write('two.hcl', inHcl('two'));
    const two = load({ args: ['-config', 'two.hcl'], cwd: live.dir });
    if (two.kind !== 'config') throw new Error(two.kind);
    const slowly: CreateRenderers = async (config, context) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return createSource(config, context);
    };
    const starting = live.start(['-config', 'one.hcl'], slowly);
    await Promise.all([starting, live.started().reload(two.config)]);
    await eventually(() => live.read('out') === 'two\n');
  });

  test('trap 28, a template is read once, and again when it is told to', async () => {
    const live = await Live.create({ t: 'one {{ key "k" }}' });
    live.registry.putKey('k', '1');
    const session = await live.start(['-template', 't:out']);
    await eventually(() => live.read('out') === 'one 1');
    live.write('t', 'two {{ key "k" }}');
    live.registry.putKey('k', '2');
    await eventually(() => live.read('out') === 'one 2');
    const again = load({
      args: ['-consul-addr', new URL(live.registry.url).host, '-template', 't:out'],
      cwd: live.dir,
    });
    if (again.kind !== 'config') throw new Error(again.kind);
    await session.reload(again.config);
    await eventually(() => live.read('out') === 'two 2');
  });
});
