import type { ClientStream } from './client-stream.ts';
import { clientOf } from './forwarded.ts';
import { chainOf } from './head-writer.ts';
import { Field, fieldValue } from './http1/fields.ts';
import type { RequestHead } from './http1/heads.ts';

export interface Identity {
  /** The address behind trusted proxies. */
  readonly client: string;
  readonly requestId: string;
}

/** Who asks, and under which id: from the connection, or from the fields of a trusted proxy. */
export function identityOf(head: RequestHead, { engine, peer }: ClientStream): Identity {
  if (!peer.isTrusted) return { client: peer.address, requestId: engine.newRequestId() };
  const given = fieldValue(head, Field.requestId);
  return {
    client: clientOf(peer, chainOf(head), engine.trustedProxies),
    requestId: /^[\w.:/+=-]{1,128}$/.test(given) ? given : engine.newRequestId(),
  };
}
