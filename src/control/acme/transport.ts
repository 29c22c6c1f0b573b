import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher, request } from 'undici';
import { AcmeProblem, acmeProblem, parseRetryAfter, readProblem } from './problem.ts';

/** An answer in the shape that acme-client works with. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed when it is JSON, else text. */
  readonly data: unknown;
}

export interface Transport {
  /** Rejects with `AcmeProblem` for every status from 400 up, except one that asks for another nonce. */
  send(method: string, url: string, body?: unknown): Promise<Answer>;
  close(): Promise<void>;
}

export interface TransportOptions {
  /** Authorities to trust instead of the system's, for a directory inside a company. */
  readonly caFile: string | null;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

const DEADLINE_MS = 30_000;
/** A certificate chain has some kilobytes. */
const LARGEST_ANSWER = 1024 * 1024;

/** HTTPS to an authority, with limits for everything. */
export function createTransport({ caFile, signal, now }: TransportOptions): Transport {
  const agent = new Agent({
    connect: caFile === null ? {} : { ca: readFileSync(caFile) },
    maxResponseSize: LARGEST_ANSWER,
    connections: 8,
  });
  return {
    async send(method, url, body) {
      // Requests are signed for one URL, and answers are believed: never in the clear.
      if (!url.startsWith('https://')) throw acmeProblem('bad_answer', `not https: ${url}`);
      const deadline = AbortSignal.timeout(DEADLINE_MS);
      const answer = await ask(method, url, body, agent, AbortSignal.any([signal, deadline])).catch(
        (error) => {
          signal.throwIfAborted();
          if (error instanceof AcmeProblem) throw error;
          throw acmeProblem(deadline.aborted ? 'timeout' : 'unreachable', describe(error), error);
        },
      );
      if (answer.status < 400) return answer;
      const problem = readProblem(answer.data, answer.status);
      if (problem.type === 'badNonce') return answer;
      throw new AcmeProblem(problem, parseRetryAfter(answer.headers['retry-after'], now()));
    },
    close: () => agent.destroy(),
  };
}

async function ask(
  method: string,
  url: string,
  body: unknown,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<Answer> {
  const answer = await request(url, {
    method: method.toUpperCase() as Dispatcher.HttpMethod,
    headers: { 'content-type': 'application/jose+json', 'user-agent': 'fairlead', 'accept-language': 'en' },
    body: body === undefined ? null : JSON.stringify(body),
    dispatcher,
    signal,
  });
  const text = await answer.body.text();
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name, String(value ?? '')]),
  );
  return { status: answer.statusCode, headers, data: parse(text, headers['content-type'] ?? '') };
}

function parse(text: string, type: string): unknown {
  if (text === '' || !/[/+]json\b/i.test(type)) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw acmeProblem('bad_answer', `not JSON: ${text.slice(0, 80)}`);
  }
}

function describe(error: unknown): string {
  const { message, code, cause } = error as NodeJS.ErrnoException;
  if (message !== '') return message;
  return code ?? (cause === undefined ? 'no connection' : describe(cause));
}
