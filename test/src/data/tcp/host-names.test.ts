import { test } from 'vitest';
import { resolving } from '../../../support/names.ts';
import { begin, instance, talk } from './stage.ts';

test('an instance whose name has several addresses is heard at the one that answers', async () => {
  resolving('two.test', ['::1', '127.0.0.1']);
  const port = await instance((socket) => {
    socket.on('data', (bytes) => socket.write(`heard ${bytes}`));
    socket.on('end', () => socket.end());
  });
  await begin([], { pools: { main: [{ port, address: 'two.test' }] } });
  for (const text of ['one', 'two']) {
    const client = talk(text);
    await client.hears(new RegExp(`^heard ${text}$`));
  }
});
