/** Requests whose answers are held, so that others have to wait for them. */
import type { Handler } from '../../support/backend.ts';
import { get } from '../../support/client.ts';
import type { PlaneOptions } from '../../support/engine.ts';
import { eventually } from '../../support/process.ts';
import { begin, plane } from './stage.ts';

/** Holds every answer until it is let go, in any order. */
export class Gate {
  running = 0;
  most = 0;
  readonly #held: { target: string; open: () => void }[] = [];

  readonly handler: Handler = async ({ target }, reply) => {
    this.running++;
    this.most = Math.max(this.most, this.running);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.push({ target, open: resolve });
    await promise;
    this.running--;
    await reply.send({ body: target });
  };

  get targets(): string[] {
    return this.#held.map(({ target }) => target);
  }

  next(): void {
    this.#held.shift()!.open();
  }
}

export async function beginHeld(options: PlaneOptions = {}): Promise<Gate> {
  const gate = new Gate();
  await begin(gate.handler, { maxconn: 1, ...options });
  return gate;
}

/** Sends a request on a connection of its own, and resolves when it is in flight or waits. */
export async function ask(path: string): Promise<{ answer: ReturnType<typeof get> }> {
  const before = plane.inFlight() + plane.pool().queue.size;
  const answer = get(plane.port, { path });
  await eventually(() => plane.inFlight() + plane.pool().queue.size === before + 1, `${path} to arrive`);
  return { answer };
}

export const reasonOf = async (answer: ReturnType<typeof get>): Promise<unknown> => {
  const { status, headers } = await answer;
  return `${status} ${headers.get('x-fairlead-reason') ?? ''}`;
};
