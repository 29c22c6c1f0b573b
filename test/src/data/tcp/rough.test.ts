/** Connections of which each side writes, listens, falls silent, ends and resets as chance has it. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Random } from '../../../fuzz/random.ts';
import { eventually } from '../../../support/process.ts';
import { faultOf, RoughPeer, scriptOf } from './rough.ts';
import { begin, instance, plane, port, TCP } from './stage.ts';

const AT_ONCE = 16;
/** Minutes of it are a matter of this number. */
const ROUNDS = Number(process.env.FAIRLEAD_ROUGH_ROUNDS ?? 4);
const FIRST = Number(process.env.FAIRLEAD_ROUGH_SEED ?? 1);

test.each([
  ['nobody resets', 0],
  ['either side may reset', 0.4],
])('every byte arrives once, in order, and an end means all: %s', { timeout: 600_000 }, async (_, resets) => {
  const serve = new Map<number, (socket: Socket, rest: Buffer) => void>();
  const server = await instance((socket) => {
    let head = Buffer.alloc(0);
    const onData = (bytes: Buffer): void => {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n');
      if (end < 0) return;
      socket.off('data', onData);
      const clientPort = Number(head.toString('latin1', 0, end).split(' ')[4]);
      serve.get(clientPort)?.(socket, head.subarray(end + 2));
    };
    socket.on('data', onData);
  });
  await begin([server], { routes: [{ ...TCP, options: { proxy: 'v1' } }] });
  for (let round = FIRST; round < FIRST + ROUNDS; round++) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, index) => {
        const random = Random.ofCase(round, index);
        const [asks, answers] = [scriptOf(random, resets), scriptOf(random, resets)];
        const [side, otherSide] = [2 * index, 2 * index + 1];
        const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
        const client = new RoughPeer(socket, side, otherSide);
        let other: RoughPeer | null = null;
        await once(socket, 'connect');
        serve.set(socket.localPort!, (served, rest) => {
          other = new RoughPeer(served, otherSide, side);
          if (rest.length > 0) other.hear(rest);
          void other.follow(answers);
        });
        await client.follow(asks);
        const isOver = (peer: RoughPeer | null): boolean => peer === null || peer.isClosed;
        await eventually(() => isOver(client) && isOver(other), {
          timeoutMs: 20_000,
          what: `the end of ${index} in round ${round}: ${JSON.stringify({ asks, answers, client, other })}`,
        });
        if (other !== null)
          expect(faultOf(client, other), `connection ${index} of round ${round}`).toBe(null);
        else expect(client.hasReset, `connection ${index} of round ${round}`).toBe(true);
      }),
    );
    serve.clear();
  }
  await plane.quiet();
});
