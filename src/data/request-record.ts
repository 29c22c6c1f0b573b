import { Family, NO_ROUTE } from '../shared/counters.ts';
import type { Reason } from '../shared/reasons.ts';
import type { ClientStream } from './client-stream.ts';
import { Field, fieldValue } from './http1/fields.ts';
import type { RequestHead } from './http1/heads.ts';
import type { LiveRoute } from './live-table.ts';
import type { Reply } from './replies.ts';

/** Status logged when the client left before it had its answer; nginx's number, known to every log reader. */
const CLIENT_GONE = 499;

/** What counters and access log tell of one request; gathered while it runs, written once when it is over. */
export class RequestRecord {
  readonly id: string;
  /** The address behind trusted proxies. */
  readonly client: string;
  route: LiveRoute | null = null;
  status = 0;
  reason: Reason | '' = '';
  /** The endpoint asked last. */
  endpoint = '';
  retries = 0;
  bytesIn = 0;
  bytesOut = 0;
  readonly #startedAt = performance.now();
  #upstreamAt = 0;
  #upstreamMs = -1;

  constructor(id: string, client: string) {
    this.id = id;
    this.client = client;
  }

  /** A request goes to an upstream now. */
  upstreamStarted(): void {
    this.#upstreamAt = performance.now();
  }

  /** The upstream's first head is here. */
  upstreamAnswered(): void {
    if (this.#upstreamMs < 0) this.#upstreamMs = performance.now() - this.#upstreamAt;
  }

  clientLeft(): void {
    if (this.status === 0) this.status = CLIENT_GONE;
  }

  write(connection: ClientStream, head: RequestHead): void {
    const { engine, listener } = connection;
    const durationMs = performance.now() - this.#startedAt;
    const { route, status } = this;
    engine.recorder.add(Family.requestsInFlight, 0, listener.index, -1);
    engine.recorder.request(
      route?.slot ?? NO_ROUTE,
      listener.index,
      head.method,
      status,
      durationMs / 1000,
      this.#upstreamMs < 0 ? -1 : this.#upstreamMs / 1000,
    );
    engine.accessLog?.write({
      id: this.id,
      listener: listener.name,
      client: this.client,
      method: head.method,
      host: head.authority,
      target: head.target,
      protocol: head.isHttp2 ? 'HTTP/2.0' : `HTTP/1.${head.minor}`,
      status,
      reason: this.reason,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      durationMs,
      upstreamMs: this.#upstreamMs,
      route: route?.id ?? '',
      service: route?.service ?? '',
      endpoint: this.endpoint,
      retries: this.retries,
      tlsVersion: connection.tls === null ? '' : connection.tls.version,
      userAgent: fieldValue(head, Field.userAgent),
      referer: fieldValue(head, Field.referer),
    });
  }
}

/** A head that never became an exchange is counted and logged all the same. */
export function recordRefusal(
  connection: Pick<ClientStream, 'engine' | 'listener' | 'peer' | 'tls'>,
  reason: Reason,
  reply: Reply,
  protocol = 'HTTP/1.1',
): void {
  const { engine, listener, peer, tls } = connection;
  engine.recorder.invented(reason, listener.index);
  engine.recorder.request(NO_ROUTE, listener.index, 'other', reply.status, 0, -1);
  engine.accessLog?.write({
    id: '',
    listener: listener.name,
    client: peer.address,
    method: '',
    host: '',
    target: '',
    protocol,
    status: reply.status,
    reason,
    bytesIn: 0,
    bytesOut: reply.bodyBytes,
    durationMs: 0,
    upstreamMs: -1,
    route: '',
    service: '',
    endpoint: '',
    retries: 0,
    tlsVersion: tls === null ? '' : tls.version,
    userAgent: '',
    referer: '',
  });
}
