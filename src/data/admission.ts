import { readFileSync } from 'node:fs';
import type { Reason } from '../shared/reasons.ts';
import type { Peer } from './forwarded.ts';

/** A client's connection may need another one to an instance; the rest is for files, the admin and the catalog. */
const CLIENT_SHARE = 0.45;
/** Beyond it V8 spends its time collecting, shortly before it gives up. */
const HEAP_SHARE = 0.85;

/** The connections one worker may have; `wanted` is for all workers, 0 follows the limit for descriptors. */
export function connectionsPerWorker(wanted: number, workers: number, descriptors: number): number {
  const total = wanted === 0 ? descriptors * CLIENT_SHARE : wanted;
  return Math.max(1, Math.floor(total / workers));
}

/** A session has one descriptor, and anybody can open many with forged addresses: connections must not miss them. */
const SESSION_SHARE = 0.05;
const MAX_SESSIONS = 65_536;

/** The UDP sessions one worker may have; `wanted` is for all workers, 0 follows the limit for descriptors. */
export function sessionsPerWorker(wanted: number, workers: number, descriptors: number): number {
  const total = wanted === 0 ? Math.min(descriptors * SESSION_SHARE, MAX_SESSIONS * workers) : wanted;
  return Math.max(1, Math.floor(total / workers));
}

/** This process's soft limit for descriptors; infinite where there is none or the system does not tell. */
export function descriptorLimit(path = '/proc/self/limits'): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync(path, 'latin1')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Decides which connections are let in. Holds one number per client address, for as long as it has connections. */
export class Admission {
  readonly #connections: number;
  readonly #perClient: number;
  readonly #byClient = new Map<string, number>();
  #isHeapShort = false;

  /** `connections` and `perClient` are this worker's; 0 for `perClient` means no limit. */
  constructor(connections: number, perClient: number) {
    this.#connections = connections;
    this.#perClient = perClient;
  }

  /** Why there is no room for one more beside `open` connections; null when there is. */
  refusal(open: number): Reason | null {
    return open >= this.#connections || this.#isHeapShort ? 'overloaded' : null;
  }

  /** Why this peer may have no further connection. A trusted proxy stands for many clients and has no limit. */
  refusalOf(peer: Peer): Reason | null {
    if (this.#perClient === 0 || peer.isTrusted) return null;
    return (this.#byClient.get(peer.address) ?? 0) >= this.#perClient ? 'rate_limited' : null;
  }

  entered({ address }: Peer): void {
    if (this.#perClient > 0) this.#byClient.set(address, (this.#byClient.get(address) ?? 0) + 1);
  }

  left({ address }: Peer): void {
    if (this.#perClient === 0) return;
    const rest = (this.#byClient.get(address) ?? 0) - 1;
    if (rest > 0) this.#byClient.set(address, rest);
    else this.#byClient.delete(address);
  }

  get isHeapShort(): boolean {
    return this.#isHeapShort;
  }

  /** Client addresses that have connections. */
  get clients(): number {
    return this.#byClient.size;
  }

  /** Told once a second what V8 uses of what it may have. */
  heapIs(usedBytes: number, limitBytes: number): void {
    this.#isHeapShort = usedBytes > limitBytes * HEAP_SHARE;
  }
}
