/** Why a read told us nothing. Also the `kind` label of `fairlead_consul_errors_total`. */
export type FaultCode =
  | 'unreachable'
  | 'timeout'
  | 'acl'
  | 'no_leader'
  | 'rate_limited'
  | 'server'
  | 'bad_answer'
  | 'too_large'
  /** We gave up ourselves; never counted or logged. */
  | 'aborted';

export interface Fault {
  readonly kind: 'error';
  readonly code: FaultCode;
  readonly status?: number;
  readonly message: string;
}

/** A read that told nothing. */
export function fault(code: FaultCode, message: string, status?: number): Fault {
  return status === undefined ? { kind: 'error', code, message } : { kind: 'error', code, message, status };
}

/** Faults of the agent or cluster as a whole: no other read would fare better. */
export function isShared(code: FaultCode): boolean {
  return code === 'unreachable' || code === 'timeout' || code === 'no_leader';
}

/** An answer arrived and cannot be used. Thrown by the guards, caught by the watch, which keeps what it knew. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer';
}

/** The follow-up read that was to confirm an answer failed; the answer is not believed. */
export class Unconfirmed extends Error {
  override readonly name = 'Unconfirmed';
  readonly fault: Fault;

  constructor(cause: Fault) {
    super(cause.message);
    this.fault = cause;
  }
}

/** Parses JSON that somebody else wrote. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new BadAnswer(`not JSON: ${(error as Error).message.slice(0, 120)}`);
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
