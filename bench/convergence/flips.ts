/** Flips the check of an instance out and back, and notes when each observer saw it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Flipping } from './catalog.ts';
import type { ConsulApi } from './consul-api.ts';
import type { Floor } from './floor.ts';
import type { Probes } from './probes.ts';

/**
 * Milliseconds from the moment Consul had acknowledged a flip. Below zero: seen before the acknowledgement reached us,
 * since Consul writes to both at about the same time.
 */
export interface Flip {
  /** The bare blocking query had the whole answer. */
  readonly floor: number;
  /** Out: the last answer of the instance arrived. Back: the first. */
  readonly answered: number;
  /** Out: the last request that it answered was sent; from then on it was out in every worker. Back: the first. */
  readonly sent: number;
}

/** An instance that was silent for so long, at this rate of probes, is out. */
const QUIET_MS = 50;
const LIMIT_MS = 15_000;
const STEP_MS = 2;

export interface Observers {
  readonly api: ConsulApi;
  readonly floor: Floor;
  readonly probes: Probes;
}

/** What was seen of one instance since the flip was asked for. */
interface Seen {
  floorAt: number;
  first: { sentAt: number; answeredAt: number } | null;
  lastSentAt: number;
  lastAnsweredAt: number;
}

export async function flipOut(observers: Observers, instance: Flipping): Promise<Flip> {
  observers.probes.host = instance.host;
  const seen = observe(observers, instance, false);
  await until(() => seen.first !== null, `${instance.id} does not answer although it is in`);
  const { at } = await observers.api.ask('PUT', `/v1/agent/check/fail/service:${instance.id}`);
  const isOut = (): boolean => seen.floorAt > 0 && performance.now() - seen.lastAnsweredAt > QUIET_MS;
  await until(isOut, `${instance.id} still answers although it is out`);
  return { floor: seen.floorAt - at, answered: seen.lastAnsweredAt - at, sent: seen.lastSentAt - at };
}

export async function flipBack(observers: Observers, instance: Flipping): Promise<Flip> {
  observers.probes.host = instance.host;
  const seen = observe(observers, instance, true);
  const { at } = await observers.api.ask('PUT', `/v1/agent/check/pass/service:${instance.id}`);
  await until(
    () => seen.floorAt > 0 && seen.first !== null,
    `${instance.id} does not answer although it is back`,
  );
  const { sentAt, answeredAt } = seen.first!;
  return { floor: seen.floorAt - at, answered: answeredAt - at, sent: sentAt - at };
}

function observe({ floor, probes }: Observers, { id }: Flipping, toPassing: boolean): Seen {
  const seen: Seen = { floorAt: 0, first: null, lastSentAt: 0, lastAnsweredAt: 0 };
  floor.onChange = (changed, isPassing, at) => {
    if (changed === id && isPassing === toPassing && seen.floorAt === 0) seen.floorAt = at;
  };
  probes.onAnswer = ({ instance, sentAt, answeredAt }) => {
    if (instance !== id) return;
    seen.first ??= { sentAt, answeredAt };
    seen.lastSentAt = Math.max(seen.lastSentAt, sentAt);
    seen.lastAnsweredAt = answeredAt;
  };
  return seen;
}

async function until(holds: () => boolean, otherwise: string): Promise<void> {
  const startedAt = performance.now();
  while (!holds()) {
    if (performance.now() - startedAt > LIMIT_MS) throw new Error(`${otherwise}, for ${LIMIT_MS / 1000} s`);
    await sleep(STEP_MS);
  }
}

/** Flips in turn over the instances; the pauses differ, so that nothing falls into step with a timer of the router. */
export async function flipAll(
  observers: Observers,
  instances: readonly Flipping[],
  count: number,
  onFlip: (done: number) => void,
): Promise<{ out: Flip[]; back: Flip[] }> {
  const out: Flip[] = [];
  const back: Flip[] = [];
  for (let i = 0; i < count; i++) {
    const instance = instances[i % instances.length]!;
    await sleep(30 + ((i * 37) % 100));
    out.push(await flipOut(observers, instance));
    await sleep(30 + ((i * 61) % 100));
    back.push(await flipBack(observers, instance));
    onFlip(i + 1);
  }
  return { out, back };
}
