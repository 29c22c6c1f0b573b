/** Closed-loop load: 64 connections, each asking again as soon as it is answered. wrk, or autocannon without it. */
import { findProgram } from '../machine/programs.ts';
import type { ClosedWork } from '../works.ts';
import { runAutocannon } from './autocannon.ts';
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
  return loadName() === 'wrk' ? runWrk(port, work, seconds) : runAutocannon(port, work, seconds);
}
