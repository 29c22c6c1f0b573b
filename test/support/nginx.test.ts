import { expect, test } from 'vitest';
import { skipExternal } from '../provision.ts';
import { get } from './client.ts';
import { startNginx } from './nginx.ts';
import { eventually } from './process.ts';

const answering = (text: string) => (context: { port: number }) =>
  `server { listen 127.0.0.1:${context.port}; return 200 ${text}; }`;

test.skipIf(skipExternal)('a private nginx answers, reloads and goes', async () => {
  const nginx = await startNginx({ config: answering('one') });
  expect((await get(nginx.port)).body).toBe('one');
  await nginx.reload(answering('two'));
  await eventually(async () => (await get(nginx.port)).body === 'two', 'the new configuration');
  await nginx.stop();
  await expect(get(nginx.port)).rejects.toThrow('ECONNREFUSED');
  await expect(startNginx({ config: 'nonsense;' })).rejects.toThrow('unknown directive "nonsense"');
});
