import type { NodeReading } from './node-server.ts';
import { type Incomplete, type Limits, type Request, readChunked } from './reference.ts';

/** How the first request on a connection was read by two, in few words; null where they agree. */

/** `ours` and `node` are a rule, an error code, `accepts`, or a property that differs. */
export interface Difference {
  readonly ours: string;
  readonly node: string;
}

/** What we made of the same bytes. */
export type Reading = Request | Incomplete | { readonly kind: 'refused'; readonly rule: string };

const ACCEPTS = 'accepts';

export function differenceTo(
  node: NodeReading,
  ours: Reading,
  bytes: Buffer,
  limits: Limits,
): Difference | null {
  if (node.kind === 'refused') {
    return ours.kind === 'request' ? { ours: ACCEPTS, node: node.code } : null;
  }
  if (ours.kind === 'refused') return { ours: ours.rule, node: ACCEPTS };
  if (ours.kind === 'incomplete') return { ours: 'incomplete', node: ACCEPTS };
  const what = differs(node, ours, bytes.subarray(ours.length), limits);
  return what === null ? null : { ours: what, node: what };
}

function differs(
  node: NodeReading & { kind: 'request' },
  ours: Request,
  rest: Buffer,
  limits: Limits,
): string | null {
  if (node.method !== ours.method) return 'method';
  if (node.url !== ours.target) return 'target';
  const expected = bodyOf(ours, rest, limits);
  const isSame = node.isComplete === expected.isComplete && node.body.equals(expected.body);
  return isSame ? null : `framing-${ours.framing.kind}`;
}

/** What must arrive as the body when exactly `rest` follows the head. Different framing gives a different body. */
function bodyOf({ framing }: Request, rest: Buffer, limits: Limits): { body: Buffer; isComplete: boolean } {
  switch (framing.kind) {
    case 'length':
      return { body: rest.subarray(0, framing.length), isComplete: rest.length >= framing.length };
    case 'chunked': {
      const { outcome, payload } = readChunked(rest, limits);
      return { body: payload, isComplete: outcome.kind === 'body' };
    }
    default:
      return { body: Buffer.alloc(0), isComplete: true };
  }
}
