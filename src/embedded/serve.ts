import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, text } from './answer.ts';
import { agentRoutes } from './api/agent.ts';
import { catalogRoutes } from './api/catalog.ts';
import { healthRoutes } from './api/health.ts';
import { kvRoutes } from './api/kv.ts';
import { sessionRoutes } from './api/session.ts';
import { statusRoutes } from './api/status.ts';
import type { Core } from './core.ts';
import { ApiError } from './errors.ts';
import type { Faults } from './faults.ts';
import { answerRead } from './read.ts';
import { decode, readBody, splitTarget } from './request.ts';
import { isRead, match, type Routes } from './router.ts';
import { send } from './send.ts';

const MAX_BODY = 1024 * 1024;

/** Handles requests: faults first, then the API, then faults that bend the answer. */
export function requestHandler(
  core: Core,
  faults: Faults,
  url: () => string,
  log: (msg: string) => void,
): RequestListener {
  const routes: Routes = {
    ...statusRoutes(core, url),
    ...agentRoutes(core),
    ...catalogRoutes(core),
    ...healthRoutes(core),
    ...kvRoutes(core),
    ...sessionRoutes(core),
  };

  const answerTo = async (message: IncomingMessage, signal: AbortSignal): Promise<Answer> => {
    const { path, query } = splitTarget(message.url ?? '/');
    const method = message.method ?? 'GET';
    const { handler, rest } = match(routes, method, path);
    const body = method === 'GET' ? Buffer.alloc(0) : await readBody(message, MAX_BODY);
    const request = { method, path, rest: decode(rest), query, body, pretty: query.has('pretty'), signal };
    const result = handler(request);
    if (!isRead(result)) return result;
    const { indexes, catalog } = core;
    return answerRead(request, result, { indexes, blocked: faults.blocked, datacenter: catalog.datacenter });
  };

  const respond = async (message: IncomingMessage, response: ServerResponse, signal: AbortSignal) => {
    const { path, query } = splitTarget(message.url ?? '/');
    faults.count(path);
    const latency = faults.take('latency', path);
    if (latency) await delay(latency.ms, undefined, { signal });
    const stall = faults.take('stall', path);
    if (stall) await Promise.race([stall.released, aborted(signal)]);
    if (faults.take('reset', path)) return void message.socket.resetAndDestroy();
    const failed = failure(faults, path);
    if (failed) return send(response, failed, path, faults, signal);
    const answer = await answerTo(message, signal).catch((error) => refusal(error, log));
    if (signal.aborted) return;
    // A query that slept may have met a fault meanwhile.
    const slept = query.has('index');
    if (slept && faults.take('reset', path)) return void message.socket.resetAndDestroy();
    return send(response, (slept && failure(faults, path)) || answer, path, faults, signal);
  };

  return (message, response) => {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    respond(message, response, gone.signal).catch((error) => {
      if (!gone.signal.aborted) log(`embedded registry: ${String(error)}`);
      response.destroy();
    });
  };
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

function failure(faults: Faults, path: string): Answer | null {
  const fail = faults.take('fail', path);
  return fail && text(fail.status, fail.body);
}

function refusal(error: unknown, log: (msg: string) => void): Answer {
  if (error instanceof ApiError) return text(error.status, error.message, error.headers);
  log(`embedded registry: ${error instanceof Error ? error.stack : String(error)}`);
  return text(500, 'Internal error');
}
