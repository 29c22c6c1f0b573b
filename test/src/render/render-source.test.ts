import { describe, expect, test } from 'vitest';
import {
  createRenderSource,
  type RenderPart,
  type RenderSourceOptions,
} from '../../../src/render/render-source.ts';
import { freePort } from '../../support/ports.ts';
import { eventually } from '../../support/process.ts';
import { consulConfig, quiet } from './config.ts';

async function optionsFor(given: Partial<RenderSourceOptions> = {}): Promise<RenderSourceOptions> {
  return {
    // Nobody listens there.
    consul: consulConfig(`http://127.0.0.1:${await freePort()}`),
    redisUrl: null,
    attempts: null,
    onGaveUp() {},
    counted: [],
    performsEffects: false,
    environment: () => undefined,
    log: quiet,
    onError() {},
    onChange() {},
    ...given,
  };
}

function template(text: string): RenderPart {
  const spec = {
    text,
    name: 't',
    leftDelimiter: '{{',
    rightDelimiter: '}}',
    errorOnMissingKey: false,
    sandboxPath: null,
    functionDenylist: [],
  };
  return { kind: 'consul-template', spec };
}

describe('a source of renderers', () => {
  test('keeps the order of its parts, and the language of each', async () => {
    const confd: RenderPart = {
      kind: 'confd',
      resource: {
        name: 'c',
        text: '{{join (split "a,b" ",") "-"}}',
        backend: 'consul',
        prefix: '/',
        keys: [],
      },
    };
    const source = createRenderSource(
      [template('{{ join "-" (split "," "a,b") }}'), confd],
      await optionsFor(),
    );
    const shown = source.renderers.map((renderer) => renderer.render());
    expect(shown).toMatchObject([{ text: 'a-b' }, { text: 'a-b' }]);
    await source.close();
  });

  test('is not there when a template cannot be read', async () => {
    const options = await optionsFor();
    expect(() => createRenderSource([template('ok'), template('{{ nope }}')], options)).toThrow(
      'template: t:1: function "nope" not defined',
    );
  });

  test('goes on for ever without Consul, and says when it was told not to', async () => {
    const gaveUp: string[] = [];
    const patient = createRenderSource([template('{{ key "a" }}')], await optionsFor());
    const source = createRenderSource(
      [template('{{ key "a" }}')],
      await optionsFor({ attempts: 2, onGaveUp: (reason) => gaveUp.push(reason) }),
    );
    for (const each of [patient, source]) expect(each.renderers[0]!.render().kind).toBe('missing');
    await eventually(() => gaveUp.length > 0, { timeoutMs: 10_000, what: 'giving up' });
    expect(gaveUp[0]).toContain('ECONNREFUSED');
    expect(patient.renderers[0]!.render().kind).toBe('missing');
    await patient.close();
    await source.close();
  });

  test('takes instances from elsewhere, such as a router in the same process', async () => {
    const followed: string[][] = [];
    const source = createRenderSource(
      [template('{{ range service "web" }}{{ .Address }}{{ else }}none{{ end }}')],
      await optionsFor({
        catalog: (onEntries) => ({
          follow(names) {
            followed.push([...names]);
            for (const name of names) onEntries(name, []);
          },
          stop() {},
        }),
      }),
    );
    expect(source.renderers[0]!.render().kind).toBe('missing');
    expect(followed).toEqual([['web']]);
    expect(source.renderers[0]!.render()).toMatchObject({ text: 'none' });
    await source.close();
  });
});
