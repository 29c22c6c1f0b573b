/** Routes, services and instances to measure with, and numbers that look random and are the same each time. */
import type { Instance, PathMatch, Route } from '../../router/model.ts';

export function route(host: string, path = '/', match: PathMatch = 'segment'): Route {
  const id = `${host}${path}${match === 'segment' ? '' : ` ${match}`}`;
  return {
    id,
    rule: { host, path, match, methods: null, listeners: null, priority: 0 },
    pool: host,
    service: host,
    options: {},
    source: {
      provider: 'consul',
      service: host,
      instances: [`n1/${host}-1`],
      text: `fairlead:${host}${path}`,
    },
  };
}

/** An instance whose tags claim these rules. */
export function instance(
  service: string,
  number: number,
  tags: readonly string[],
  isPassing = true,
): Instance {
  const serviceId = `${service}-${number}`;
  return {
    ...{ id: `n${number}/${serviceId}`, service, serviceId, node: `n${number}` },
    ...{ address: `192.0.2.${number + 1}`, port: 8080, tags, meta: {} },
    weights: { passing: 1, warning: 1 },
    health: isPassing ? 'passing' : 'critical',
    checks: [],
    createIndex: number,
  };
}

/** Whole numbers from 0 to below `limit` (xorshift32). */
export function* numbers(limit: number): Generator<number, never> {
  let state = 0x9e3779b9;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield (state >>> 0) % limit;
  }
}

/**
 * A string as a parser makes it of received bytes: its hash is not known yet and it is not the object that the table
 * holds, so that a look-up pays for both.
 */
export function received(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
