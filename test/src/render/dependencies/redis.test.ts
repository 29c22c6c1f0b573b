import { afterAll, beforeAll, describe, test } from 'vitest';
import { createConfdRenderers } from '../../../../src/render/confd/renderers.ts';
import { Dependencies } from '../../../../src/render/dependencies/dependencies.ts';
import type { Renderer } from '../../../../src/render/renderer.ts';
import { freePort } from '../../../support/ports.ts';
import { eventually } from '../../../support/process.ts';
import { type RedisServer, skipRedis, startRedis } from '../../../support/redis.ts';
import { consulConfig, quiet } from '../config.ts';

describe.skipIf(skipRedis)("confd's keys in Redis", { timeout: 30_000 }, () => {
  let server: RedisServer;
  let dependencies: Dependencies;

  beforeAll(async () => {
    server = await startRedis();
    dependencies = new Dependencies({
      // Nobody listens there, and nothing is asked of it.
      config: consulConfig(`http://127.0.0.1:${await freePort()}`, 4),
      log: quiet,
      onError() {},
      onChange() {},
      redisUrl: server.url,
    });
  });

  afterAll(async () => {
    await dependencies.close();
    await server.stop();
  });

  function rendererOf(text: string, keys: readonly string[]): Renderer {
    const resource = { name: 't', text, backend: 'redis', prefix: '', keys } as const;
    return createConfdRenderers([resource], dependencies, { environment: () => undefined })[0]!;
  }

  function shows(renderer: Renderer, text: string): Promise<unknown> {
    const matches = (): boolean => {
      const result = renderer.render();
      return result.kind === 'rendered' && result.text === text;
    };
    return eventually(matches, { timeoutMs: 10_000, what: text });
  }

  test('texts, hashes and what is below a key are read and followed', async () => {
    await server.client.call('SET', '/app/name', 'shop');
    await server.client.call('SET', '/app/up/a', '1');
    await server.client.call('HSET', '/hash', 'x', '2');
    const below = rendererOf(
      '{{range gets "/app/*"}}{{.Key}}={{.Value}} {{end}}{{range ls "/app/up"}}{{.}}{{end}}',
      ['/app'],
    );
    const one = rendererOf('{{getv "/app/name"}} {{getv "/hash/x"}}', ['/app/name', '/hash']);
    await shows(below, '/app/name=shop a');
    await shows(one, 'shop 2');
    await server.client.call('SET', '/app/name', 'store');
    await server.client.call('SET', '/app/up/b', '3');
    await shows(below, '/app/name=store ab');
    await server.client.call('DEL', '/app/up/a');
    await shows(below, '/app/name=store b');
    await shows(one, 'store 2');
  });

  test('a name server is asked', async () => {
    await shows(rendererOf('{{range lookupIPV4 "127.0.0.1"}}{{.}}{{end}}', []), '127.0.0.1');
  });
});
