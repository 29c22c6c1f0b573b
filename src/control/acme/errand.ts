import { keepLease } from '../store/keep-lease.ts';
import { ABSENT, StoreError } from '../store/store.ts';
import type { Authority } from './authority.ts';
import type { Found } from './book.ts';
import type { CertificatePlan } from './names.ts';
import { type OrderContext, obtain } from './order.ts';
import { AcmeProblem, isShared, type Problem, toProblem } from './problem.ts';
import type { AdviceRecord, AttemptsRecord, CertificateRecord } from './records.ts';
import { nextWork, ownRenewalAt } from './schedule.ts';
import { nextAdviceCheck, pickInstant, retryTime } from './timing.ts';

export interface ErrandContext extends Omit<OrderContext, 'authority'> {
  authority(): Promise<Authority>;
  /** How long a replica that is gone keeps others from its order. */
  readonly lockMs: number;
}

export type Outcome =
  /** `advised`: only the time of the renewal was looked after. `nothing`: another replica was faster, or nobody answered. */
  | { readonly kind: 'issued' | 'superseded' | 'advised' | 'nothing' }
  /** Another replica is at it, perhaps because this one lost its lock. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'failed'; readonly problem: Problem; readonly nextAt: number }
  /** Nothing can be done for any name now. */
  | { readonly kind: 'shared'; readonly problem: Problem; readonly retryAfterMs: number | null }
  | { readonly kind: 'store'; readonly message: string };

interface Fresh {
  readonly certificate: Found<'certificate'> | null;
  readonly advice: AdviceRecord | undefined;
  readonly attempts: AttemptsRecord | undefined;
}

/** Does what is due for one certificate, as the only replica. Never rejects. */
export async function runErrand(
  context: ErrandContext,
  plan: CertificatePlan,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const lease = await context.book.lock(plan.id, context.lockMs);
    if (lease === null) return { kind: 'busy' };
    const end = new AbortController();
    const keeping = keepLease(lease, context.lockMs, end.signal);
    try {
      return await doWhatIsDue(context, plan, lease.token, AbortSignal.any([signal, lease.lost]));
    } catch (error) {
      if (lease.lost.aborted) return { kind: 'busy' };
      throw error;
    } finally {
      end.abort();
      await keeping;
      await lease.release();
    }
  } catch (error) {
    if (error instanceof StoreError) return { kind: 'store', message: error.message };
    if (signal.aborted) return { kind: 'nothing' };
    const retryAfterMs = error instanceof AcmeProblem ? error.retryAfterMs : null;
    return { kind: 'shared', problem: toProblem(error), retryAfterMs };
  }
}

/** What the watch told may be old by now: only what is read under the lock counts. */
async function doWhatIsDue(
  context: ErrandContext,
  plan: CertificatePlan,
  fence: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const fresh = await readFresh(context, plan.id);
  const known = { ...fresh, certificate: fresh.certificate?.record };
  const work = nextWork(plan, known, context.clock.now());
  if (work.at > context.clock.now()) return { kind: 'nothing' };
  const authority = await context.authority();
  if (work.kind === 'advice' && known.certificate !== undefined) {
    const isHeard = await seekAdvice(context, authority, known.certificate, fresh.advice);
    return { kind: isHeard ? 'advised' : 'nothing' };
  }
  return order({ ...context, authority }, plan, fresh, fence, signal);
}

async function readFresh({ book }: ErrandContext, id: string): Promise<Fresh> {
  const [certificate, advice, attempts] = await Promise.all([
    book.read('certificate', id),
    book.read('advice', id),
    book.read('attempts', id),
  ]);
  return { certificate, advice: advice?.record, attempts: attempts?.record };
}

async function order(
  context: OrderContext,
  plan: CertificatePlan,
  { certificate, attempts }: Fresh,
  fence: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const { book, clock } = context;
  const failures = attempts?.failures ?? 0;
  const request = { plan, replaces: certificate?.record, failures, fence };
  let issued: CertificateRecord;
  try {
    issued = await obtain(context, request, signal);
  } catch (error) {
    if (error instanceof StoreError || signal.aborted) throw error;
    const problem = toProblem(error);
    if (isShared(problem)) throw error;
    const retryAfterMs = error instanceof AcmeProblem ? error.retryAfterMs : null;
    const now = clock.now();
    const nextAt = retryTime(now, failures + 1, retryAfterMs, clock.random());
    await book.write('attempts', plan.id, { failures: failures + 1, nextAt, at: now, problem });
    return { kind: 'failed', problem, nextAt };
  }
  const isKept = await keep(context, issued, certificate?.version ?? ABSENT);
  // Only now: until the certificate is kept, another replica could still fetch it with what the order's record says.
  await Promise.all([book.remove('order', plan.id), book.remove('attempts', plan.id)]);
  return { kind: isKept ? 'issued' : 'superseded' };
}

const KEEP_TRIES = 10;

/**
 * Writes over what was there when the lock was taken. When somebody else has written meanwhile, the lock was lost, and
 * the holder with the greater token has the last word.
 */
async function keep({ book }: OrderContext, issued: CertificateRecord, ifVersion: number): Promise<boolean> {
  let expected = ifVersion;
  for (let i = 0; i < KEEP_TRIES; i += 1) {
    if ((await book.write('certificate', issued.id, issued, expected)) !== null) return true;
    const found = await book.read('certificate', issued.id);
    if (found !== null && found.record.fence > issued.fence) return false;
    expected = found?.version ?? ABSENT;
  }
  throw new StoreError('unavailable', `${issued.id} changes faster than it can be written`);
}

/**
 * Asks when to renew. Without advice, what was known stays, or our own rule holds until the next time. False when the
 * authority could not be asked.
 */
async function seekAdvice(
  { book, clock }: ErrandContext,
  authority: Authority,
  certificate: CertificateRecord,
  earlier: AdviceRecord | undefined,
): Promise<boolean> {
  const certId = certificate.certId as string;
  const previous = earlier?.certId === certId ? earlier : undefined;
  let isHeard = true;
  const info = await authority.renewalInfo(certId).catch((error: unknown) => {
    if (!(error instanceof AcmeProblem)) throw error;
    isHeard = !isShared(error.problem);
    return null;
  });
  const now = clock.now();
  const checkAt = nextAdviceCheck(now, info?.retryAfterMs ?? null);
  if (info === null) {
    const renewAt = ownRenewalAt(certificate);
    const own = { certId, start: renewAt, end: renewAt, renewAt, explanation: null };
    await book.write('advice', certificate.id, { ...(previous ?? own), checkAt });
    return isHeard;
  }
  const { start, end, explanation } = info;
  // Drawn once for each window, or every look would be another throw of the dice.
  const isSame = previous !== undefined && previous.start === start && previous.end === end;
  const renewAt = isSame ? previous.renewAt : pickInstant({ start, end }, clock.random());
  await book.write('advice', certificate.id, { certId, start, end, explanation, renewAt, checkAt });
  return true;
}
