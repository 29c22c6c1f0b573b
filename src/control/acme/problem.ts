/** What an authority says is wrong (RFC 8555 §6.7), or what kept us from hearing it. */
export interface Problem {
  /** Without `urn:ietf:params:acme:error:`, such as `rateLimited`; our own ones are `unreachable`, `timeout`, … */
  readonly type: string;
  readonly detail: string;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
}

const PREFIX = 'urn:ietf:params:acme:error:';
const LONGEST = 500;

export class AcmeProblem extends Error {
  override readonly name = 'AcmeProblem';
  readonly problem: Problem;
  /** From `Retry-After`; null when there was none. */
  readonly retryAfterMs: number | null;

  constructor(problem: Problem, retryAfterMs: number | null = null, cause?: unknown) {
    super(`${problem.type}: ${problem.detail}`, { cause });
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }
}

export function acmeProblem(type: string, detail: string, cause?: unknown): AcmeProblem {
  return new AcmeProblem({ type, detail: clean(detail), status: 0 }, null, cause);
}

/** A problem document as the authority sent it, which may be anything; subproblems are told with it. */
export function readProblem(body: unknown, status: number): Problem {
  const document = asObject(body);
  const own = typeof document.detail === 'string' ? document.detail : `status ${status}`;
  const parts = Array.isArray(document.subproblems) ? document.subproblems.map(asObject) : [];
  const details = parts.flatMap(({ detail, identifier }) => {
    const name = asObject(identifier).value;
    return typeof detail === 'string' ? [typeof name === 'string' ? `${name}: ${detail}` : detail] : [];
  });
  const type = typeof document.type === 'string' ? document.type : 'unknown';
  const short = type.startsWith(PREFIX) ? type.slice(PREFIX.length) : type;
  return { type: clean(short).slice(0, 100), detail: clean([own, ...details].join('; ')), status };
}

const sharedTypes = [
  ...['unreachable', 'timeout', 'account', 'budget'],
  ...['accountDoesNotExist', 'externalAccountRequired', 'userActionRequired'],
];

/**
 * Troubles of the authority, the account or the way there. They say nothing about the name that was asked for, and no
 * other name would fare better; a rate limit, as a rule, is one name's.
 */
export function isShared({ type, status }: Problem): boolean {
  if (type === 'rateLimited') return false;
  return sharedTypes.includes(type) || status === 429 || status >= 500;
}

/** RFC 8555 §6.7 and our own. */
const knownTypes = new Set([
  ...['unreachable', 'timeout', 'bad_answer', 'undecided', 'no_challenge', 'dns_hook', 'account', 'budget'],
  ...[
    'accountDoesNotExist',
    'badCSR',
    'caa',
    'connection',
    'dns',
    'externalAccountRequired',
    'incorrectResponse',
  ],
  ...['internal', 'malformed', 'orderNotReady', 'rateLimited', 'rejectedIdentifier', 'serverInternal', 'tls'],
  ...['unauthorized', 'unsupportedIdentifier', 'userActionRequired'],
]);

/** For metrics: authorities cannot invent series. */
export function labelOf({ type }: Problem): string {
  return knownTypes.has(type) ? type : 'other';
}

/** Any failure as a problem, for records and views. */
export function toProblem(error: unknown): Problem {
  if (error instanceof AcmeProblem) return error.problem;
  const message = error instanceof Error ? error.message : String(error);
  return { type: 'internal', detail: clean(message), status: 0 };
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3), as milliseconds from now; null when absent or nonsense. */
export function parseRetryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

/** Other people's text, fit for a log line. */
function clean(text: string): string {
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
