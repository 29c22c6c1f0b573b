import { get, type IncomingMessage } from 'node:http';
import type { Target } from './admin-request.ts';

/** One server-sent event. */
export interface ServerEvent {
  readonly event: string;
  readonly id: string;
  readonly data: string;
}

/** The router answered, but not with events. */
export class NoEvents extends Error {
  override readonly name = 'NoEvents';
  readonly status: number;

  constructor(status: number) {
    super(`answered ${status}`);
    this.status = status;
  }
}

const CONNECT_MS = 5_000;
/** Three times the router's heartbeat: a connection that is dead and does not say so. */
const SILENCE_MS = 45_000;

/** The events of a running router until the connection ends, after the one with this id; throws when there is none. */
export async function* events(
  target: Target,
  path: string,
  lastId: string | null,
): AsyncGenerator<ServerEvent> {
  const incoming = await open(target, path, lastId);
  incoming.setEncoding('utf8');
  incoming.setTimeout(SILENCE_MS, () => incoming.destroy(new Error('silent for too long')));
  let rest = '';
  for await (const text of incoming) {
    const blocks = (rest + String(text)).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const event = readEvent(block);
      if (event !== null) yield event;
    }
  }
}

async function open(target: Target, path: string, lastId: string | null): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = {
    ...(target.token !== null && { authorization: `Bearer ${target.token}` }),
    ...(lastId !== null && { 'last-event-id': lastId }),
  };
  const outgoing = get(target.url + path, { headers, agent: false }, resolve);
  outgoing.on('error', reject);
  const timer = setTimeout(() => outgoing.destroy(new DOMException('', 'TimeoutError')), CONNECT_MS);
  try {
    const incoming = await promise;
    if (incoming.statusCode === 200) return incoming;
    incoming.destroy();
    throw new NoEvents(incoming.statusCode ?? 0);
  } finally {
    clearTimeout(timer);
  }
}

/** Null for a comment, as heartbeats are. */
function readEvent(block: string): ServerEvent | null {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const data = fields.get('data');
  return data === undefined ? null : { event: fields.get('event') ?? '', id: fields.get('id') ?? '', data };
}
