import type { IncomingHttpHeaders } from 'node:http';
import type { AdminAnswer, Outlet } from '../admin.ts';
import type { History } from './history.ts';
import type { HistoryRecord } from './store.ts';

const MAX_STREAMS = 64;
const HEARTBEAT_MS = 15_000;
/** A reader that leaves more than this in our memory, beside its snapshot, is let go: it can resume. */
const MAX_WAITING_BYTES = 1024 * 1024;

export interface EventStreamsOptions {
  readonly history: Pick<History, 'after' | 'follow'>;
  readonly version: () => number;
  /** What a stream begins with, as JSON: counts, or all there is. */
  readonly snapshot: (isFull: boolean) => object;
  /** Ends every stream; none is begun any more. */
  readonly signal: AbortSignal;
}

interface Stream {
  readonly outlet: Outlet;
  /** Versions up to here have been sent, or are part of the snapshot. */
  sent: number;
  maxWaitingBytes: number;
  /** At the latest heartbeat. */
  waitingBytes: number;
}

/** `/api/events`: server-sent events (WHATWG HTML §9.2), a snapshot and then every change. */
export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #streams = new Set<Stream>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    const unfollow = options.history.follow((record) => {
      for (const stream of [...this.#streams]) this.#send(stream, record);
    });
    options.signal.addEventListener('abort', () => {
      unfollow();
      for (const { outlet } of [...this.#streams]) outlet.end();
    });
  }

  answer(url: URL, headers: IncomingHttpHeaders): AdminAnswer {
    if (this.#options.signal.aborted) return { status: 503, body: { error: 'the router is stopping' } };
    if (this.#streams.size >= MAX_STREAMS)
      return { status: 503, body: { error: `${MAX_STREAMS} streams are open already` } };
    const last = String(headers['last-event-id'] ?? '');
    const lastVersion = /^\d{1,15}$/.test(last) ? Number(last) : null;
    const isFull = url.searchParams.has('full');
    return {
      status: 200,
      contentType: 'text/event-stream',
      begin: (outlet) => this.#begin(outlet, lastVersion, isFull),
    };
  }

  #begin(outlet: Outlet, lastVersion: number | null, isFull: boolean): () => void {
    const { history, version, snapshot } = this.#options;
    const present = version();
    const missed = lastVersion === null ? null : history.after(lastVersion, present);
    const stream: Stream = {
      outlet,
      sent: lastVersion ?? 0,
      maxWaitingBytes: MAX_WAITING_BYTES,
      waitingBytes: 0,
    };
    this.#streams.add(stream);
    this.#timer ??= setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    if (missed === null) {
      const text = eventText('snapshot', present, JSON.stringify(snapshot(isFull)));
      stream.sent = present;
      stream.maxWaitingBytes += Buffer.byteLength(text);
      outlet.write(text);
    } else {
      // At once, that a reader who has missed nothing knows that it is connected.
      outlet.write(': here\n\n');
      stream.maxWaitingBytes += missed.reduce((sum, { text }) => sum + 2 * text.length, 0);
      for (const record of missed) this.#send(stream, record);
    }
    return () => this.#forget(stream);
  }

  #send(stream: Stream, { version, text }: HistoryRecord): void {
    if (version <= stream.sent) return;
    if (stream.outlet.waitingBytes > stream.maxWaitingBytes) return stream.outlet.destroy();
    stream.sent = version;
    stream.outlet.write(eventText('change', version, text));
  }

  /** Keeps proxies between us from closing what is quiet, and finds out who does not read. */
  #beat(): void {
    for (const stream of [...this.#streams]) {
      const { outlet, waitingBytes } = stream;
      if (waitingBytes > 0 && outlet.waitingBytes >= waitingBytes) outlet.destroy();
      else outlet.write(': alive\n\n');
      stream.waitingBytes = outlet.waitingBytes;
    }
  }

  #forget(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** JSON has no line breaks, so that one `data` line is enough. */
function eventText(event: string, id: number, json: string): string {
  return `event: ${event}\nid: ${id}\ndata: ${json}\n\n`;
}
