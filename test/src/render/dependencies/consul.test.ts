import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Dependencies } from '../../../../src/render/dependencies/dependencies.ts';
import { createRenderSource } from '../../../../src/render/render-source.ts';
import type { Renderer } from '../../../../src/render/renderer.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../../../support/consul.ts';
import { eventually } from '../../../support/process.ts';
import { consulConfig, quiet } from '../config.ts';
import { rendererOf } from '../fakes.ts';

describe.skipIf(skipConsul)('dependencies on a real Consul', { timeout: 60_000 }, () => {
  let agent: ConsulAgent;
  let folder: string;
  const open: Dependencies[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-dependencies-'));
    agent = await startConsul({
      dataDir: join(folder, 'data'),
      config: { connect: { enabled: true }, node_name: 'n1' },
    });
  }, 60_000);

  afterAll(async () => {
    for (const each of open) await each.close();
    await agent.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function dependencies(connections?: number): Dependencies {
    const created = new Dependencies({
      config: consulConfig(agent.url, connections),
      log: quiet,
      onError() {},
      onChange() {},
    });
    open.push(created);
    return created;
  }

  async function text(renderer: Renderer, wanted: string | RegExp): Promise<string> {
    let shown = '';
    const matches = (): boolean => {
      const result = renderer.render();
      shown =
        result.kind === 'rendered'
          ? result.text
          : JSON.stringify(result.kind === 'missing' ? [...result.missing] : result);
      return typeof wanted === 'string' ? shown === wanted : wanted.test(shown);
    };
    try {
      await eventually(matches, { timeoutMs: 20_000, what: String(wanted) });
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${shown}`);
    }
    return shown;
  }

  const register = (service: object): Promise<unknown> =>
    agent.api('PUT', '/v1/agent/service/register', service);
  const put = (key: string, value: string): Promise<unknown> => agent.api('PUT', `/v1/kv/${key}`, value);

  test('a pool follows registrations, health and tags', async () => {
    await register({ ID: 'w1', Name: 'web', Address: '10.0.0.1', Port: 80, Tags: ['prod'] });
    const deps = dependencies();
    const pool = rendererOf('{{ range service "web" }}{{ .Address }}:{{ .Port }} {{ else }}none{{ end }}', {
      dependencies: deps,
    });
    const tagged = rendererOf('{{ range service "prod.web" }}{{ .ID }} {{ end }}', { dependencies: deps });
    const all = rendererOf('{{ range service "web|any" }}{{ .ID }}={{ .Status }} {{ end }}', {
      dependencies: deps,
    });
    await text(pool, '10.0.0.1:80 ');
    await text(tagged, 'w1 ');
    await register({
      ID: 'w2',
      Name: 'web',
      Address: '10.0.0.2',
      Port: 81,
      Check: { TTL: '60s', Status: 'critical' },
    });
    await text(all, 'w1=passing w2=critical ');
    await text(pool, '10.0.0.1:80 ');
    await agent.api('PUT', '/v1/agent/check/pass/service:w2');
    await text(pool, '10.0.0.1:80 10.0.0.2:81 ');
    await agent.api('PUT', '/v1/agent/service/maintenance/w1?enable=true');
    await text(all, 'w1=maintenance w2=passing ');
    await text(tagged, '');
    await agent.api('PUT', '/v1/agent/service/deregister/w1');
    await agent.api('PUT', '/v1/agent/service/deregister/w2');
    await text(pool, 'none');
    expect(deps.countInstances('web')).toBe(0);
    // Three questions, one stream.
    expect(deps.connections()).toBeLessThanOrEqual(3);
  });

  test('everything else is read as well', async () => {
    await register({ ID: 'x1', Name: 'x.y', Port: 1, Tags: ['b', 'a'] });
    const shown = rendererOf(
      '{{ with node }}{{ .Node.Node }}{{ end }} {{ range nodes }}{{ .Node }}{{ end }} {{ datacenters }} {{ datacenters true }} ' +
        '{{ range services }}{{ .Name }}{{ .Tags }}{{ range service .Name }}={{ .ID }}{{ end }} {{ end }}' +
        '{{ range caRoots }}{{ .Active }}{{ end }} {{ with caLeaf "web" }}{{ .Service }}{{ end }} ' +
        '{{ with node "nobody" }}{{ .Services | len }}{{ end }}',
      { dependencies: dependencies() },
    );
    await text(shown, /^n1 n1 \[dc1\] \[dc1\] consul\[\]=consul x\.y\[a b\]=x1 true web 0$/);
  });

  test('keys come, change and go', async () => {
    const deps = dependencies();
    const key = rendererOf('{{ key "app/name" }}', { dependencies: deps });
    const optional = rendererOf('{{ keyOrDefault "app/name" "d" }} {{ keyExists "app/name" }}', {
      dependencies: deps,
    });
    const list = rendererOf('{{ range ls "app" }}{{ .Key }} {{ end }}', { dependencies: deps });
    const guarded = rendererOf('{{ range safeLs "app" }}{{ .Key }} {{ end }}', { dependencies: deps });
    await text(optional, 'd false');
    await text(list, '');
    await text(guarded, '["kv.list(app)"]');
    await text(key, '["kv.block(app/name)"]');
    await put('app/name', 'x');
    await text(key, 'x');
    await text(optional, 'x true');
    await text(guarded, 'name ');
    await agent.api('DELETE', '/v1/kv/app/name');
    await text(optional, 'd false');
    // `key` keeps its last value.
    await text(key, 'x');
  });

  test('files are followed, also when they come later', async () => {
    const path = join(folder, 'page.html');
    const shown = rendererOf(`{{ file "${path}" }}`, { dependencies: dependencies() });
    await text(shown, `["file(${path})"]`);
    await writeFile(path, 'one');
    await text(shown, 'one');
    await writeFile(path, 'two');
    await text(shown, 'two');
    await rm(path);
    await text(shown, 'two');
  });

  test('what nobody asks for any more is let go', async () => {
    const deps = dependencies();
    await put('which', 'first');
    await put('first', '1');
    await put('second', '2');
    const shown = rendererOf('{{ key (key "which") }}', { dependencies: deps });
    await text(shown, '1');
    await put('which', 'second');
    await text(shown, '2');
    expect(deps.state().map(({ id }) => id)).toEqual(['kv.block(which)', 'kv.block(second)']);
  });

  test('more services than connections are followed over a few', async () => {
    const names = Array.from({ length: 30 }, (_, at) => `many-${at}`);
    for (const name of names) await register({ ID: name, Name: name, Port: 1000 });
    const deps = dependencies(8);
    const shown = rendererOf(
      '{{ range services }}{{ range service .Name }}{{ if .Name | regexMatch "^many-" }}{{ .Port }} {{ end }}{{ end }}{{ end }}',
      { dependencies: deps },
    );
    await text(shown, '1000 '.repeat(30));
    await register({ ID: 'many-7', Name: 'many-7', Port: 2000 });
    await text(shown, /2000/);
    expect(deps.connections()).toBeLessThanOrEqual(12);
    for (const name of names) await agent.api('PUT', `/v1/agent/service/deregister/${name}`);
    await text(shown, '');
  });

  test('instances are counted for those who require some, also where no template names the service', async () => {
    await register({ ID: 'c1', Name: 'counted', Port: 1 });
    const source = createRenderSource([], {
      consul: consulConfig(agent.url),
      redisUrl: null,
      attempts: null,
      onGaveUp() {},
      counted: ['counted', 'absent'],
      performsEffects: false,
      environment: () => undefined,
      log: quiet,
      onError() {},
      onChange() {},
    });
    expect(source.countInstances('counted')).toBeNull();
    await eventually(() => source.countInstances('counted') === 1, { timeoutMs: 10_000, what: 'a count' });
    await eventually(() => source.countInstances('absent') === 0, { timeoutMs: 10_000, what: 'a count' });
    expect(source.countInstances('other')).toBeNull();
    await source.close();
  });

  test('an outage changes nothing, and what happened in it is heard after it', async () => {
    await register({ ID: 'o1', Name: 'outage', Address: '10.0.0.9', Port: 9 });
    await put('outage', 'before');
    const deps = dependencies();
    const shown = rendererOf(
      '{{ range service "outage" }}{{ .Address }}{{ else }}none{{ end }} {{ key "outage" }}',
      { dependencies: deps },
    );
    await text(shown, '10.0.0.9 before');
    await agent.kill();
    const isTroubled = (): boolean => deps.state().some(({ trouble }) => trouble !== null);
    await eventually(isTroubled, { timeoutMs: 10_000, what: 'the trouble to be seen' });
    expect(shown.render()).toMatchObject({ kind: 'rendered', text: '10.0.0.9 before' });
    const late = rendererOf('{{ key "late" }}', { dependencies: deps });
    expect(late.render().kind).toBe('missing');
    await agent.restart();
    await put('late', 'x');
    await put('outage', 'after');
    await text(late, 'x');
    await text(shown, '10.0.0.9 after');
  });
});
