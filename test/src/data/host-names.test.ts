import { expect, test } from 'vitest';
import { rawRequest } from '../../support/client.ts';
import { head } from '../../support/engine.ts';
import { resolving } from '../../support/names.ts';
import { backend, begin, plane } from './stage.ts';

test('an instance whose name has several addresses is heard at the one that answers', async () => {
  resolving('two.test', ['::1', '127.0.0.1']);
  await begin(async (_request, reply) => void (await reply.send({ body: 'from the second' })));
  plane.setPools({ main: [{ port: backend.port, address: 'two.test' }] });
  const { responses } = await rawRequest(plane.port, head('GET / HTTP/1.1', 'Host: a', 'Connection: close'));
  expect(responses[0]).toMatchObject({ status: 200 });
  expect(responses[0]!.body.toString()).toBe('from the second');
});
