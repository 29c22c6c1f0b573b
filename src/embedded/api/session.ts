import { json, text } from '../answer.ts';
import type { Core } from '../core.ts';
import { ApiError } from '../errors.ts';
import { type Fields, parseBody } from '../fields.ts';
import type { Read } from '../read.ts';
import type { Routes } from '../router.ts';
import { SESSIONS, type SessionRequest, Sessions } from '../sessions.ts';
import type { SessionEntry } from '../shapes.ts';

/** `/v1/session/…`. */
export function sessionRoutes({ sessions, agent }: Core): Routes {
  const watch = (answer: () => readonly SessionEntry[]): Read => ({
    topics: [SESSIONS],
    index: () => sessions.index(),
    answer,
  });
  return {
    '/v1/session/create': {
      PUT: ({ body, pretty }) => {
        const { ID } = sessions.create(sessionRequest(parseBody(body, 'allow')));
        return json({ ID }, pretty);
      },
    },
    '/v1/session/destroy/': {
      PUT: ({ rest, pretty }) => {
        requireId(rest);
        sessions.destroy(rest);
        return json(true, pretty);
      },
    },
    '/v1/session/renew/': {
      PUT: ({ rest, pretty }) => {
        requireId(rest);
        const entry = sessions.renew(rest);
        return entry ? json([entry], pretty) : text(404, `Session id '${rest}' not found`);
      },
    },
    '/v1/session/info/': {
      GET: ({ rest }) => {
        requireId(rest);
        return watch(() => sessions.list().filter(({ ID }) => ID === rest));
      },
    },
    '/v1/session/list': { GET: () => watch(() => sessions.list()) },
    '/v1/session/node/': {
      GET: ({ rest }) => watch(() => (rest === agent.node.Node ? sessions.list() : [])),
    },
  };
}

function requireId(id: string): void {
  if (id === '') throw new ApiError(400, 'Missing session');
}

function sessionRequest(fields: Fields): SessionRequest {
  const behavior = fields.text('Behavior') || 'release';
  if (behavior !== 'release' && behavior !== 'delete') {
    throw new ApiError(500, `Invalid Behavior setting '${behavior}'`);
  }
  return {
    name: fields.text('Name'),
    behavior,
    ttl: fields.text('TTL'),
    ttlMs: fields.duration('TTL'),
    lockDelayMs: fields.has('LockDelay') ? fields.duration('LockDelay') : Sessions.defaultLockDelayMs,
  };
}
