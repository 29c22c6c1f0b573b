/** A TLS connection for each request, by a process of its own: see `handshakes-client.ts`. */
import { fileURLToPath } from 'node:url';
import { tail } from '../../test/support/process.ts';
import { launch } from '../machine/launch.ts';
import { HOST } from '../works.ts';
import { CONNECTIONS, type LoadResult } from './load.ts';

export type HandshakeKind = 'full' | 'resumed';

/** What the client prints. */
export interface Handshakes {
  /** Finished with a right answer. */
  readonly full: number;
  readonly resumed: number;
  readonly seconds: number;
  readonly errors: number;
  /** The first error; empty without one. */
  readonly problem: string;
}

const client = fileURLToPath(new URL('./handshakes-client.ts', import.meta.url));

export async function runHandshakes(port: number, kind: HandshakeKind, seconds: number): Promise<LoadResult> {
  const args = [String(port), HOST, kind, String(seconds), String(CONNECTIONS)];
  const child = await launch(process.execPath, [client, ...args]);
  await child.exited;
  const line = child.stdout.find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error(`the handshakes ended without a result: ${tail(child)}`);
  return resultOf(JSON.parse(line) as Handshakes, kind);
}

/** Throws when a handshake was of the other kind. Resumption needs one full handshake to begin with, not counted here. */
export function resultOf(
  { full, resumed, seconds, errors, problem }: Handshakes,
  kind: HandshakeKind,
): LoadResult {
  if (errors > 0) throw new Error(`${errors} of ${full + resumed + errors} connections failed: ${problem}`);
  const other = kind === 'full' ? resumed : full;
  if (other > 0) throw new Error(`${other} of ${full + resumed} handshakes were not ${kind}`);
  return { requests: full + resumed, seconds, errors };
}
