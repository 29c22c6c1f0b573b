/**
 * Closed-loop load: 64 requests at a time, each asked again as soon as it is answered. By wrk, or autocannon without it;
 * what is special about TLS needs wrk, h2load, or clients of our own.
 */
import { findProgram } from '../machine/programs.ts';
import type { ClosedWork } from '../works.ts';
import { runAutocannon } from './autocannon.ts';
import { runH2load } from './h2load.ts';
import { runHandshakes } from './handshakes.ts';
import { runWrk } from './wrk.ts';

export const CONNECTIONS = 64;

export interface LoadResult {
  /** Answers received whole. */
  readonly requests: number;
  readonly seconds: number;
  /** Failed connections, broken answers, timeouts and statuses of 400 or more. */
  readonly errors: number;
}

export function loadName(): 'wrk' | 'autocannon' {
  return findProgram('wrk') === null ? 'autocannon' : 'wrk';
}

export function runLoad(port: number, work: ClosedWork, seconds: number): Promise<LoadResult> {
  switch (work.asking) {
    case 'http1':
      // autocannon would choose another cipher.
      return loadName() === 'wrk' || work.door === 'https'
        ? runWrk(port, work, seconds)
        : runAutocannon(port, work, seconds);
    case 'http2':
      return runH2load(port, work, seconds);
    case 'full-handshakes':
      return runHandshakes(port, 'full', seconds);
    case 'resumed-handshakes':
      return runHandshakes(port, 'resumed', seconds);
  }
}
