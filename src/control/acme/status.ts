import type { View } from './book.ts';
import type { CertificatePlan, RefusedName } from './names.ts';
import type { Problem } from './problem.ts';
import { renewalAt } from './schedule.ts';

/** One line of what `/api/certificates` shows of ACME. Times are epoch milliseconds. */
export interface AcmeStatus {
  readonly id: string;
  readonly names: readonly string[];
  /** `waiting`: until `nextAttemptAt` after a failure; `missing`: about to be ordered, here or by another replica. */
  readonly state: 'valid' | 'ordering' | 'waiting' | 'missing' | 'refused';
  readonly notAfter: number | null;
  readonly renewAt: number | null;
  readonly failures: number;
  readonly nextAttemptAt: number | null;
  readonly problem: Problem | null;
}

export function statusOf(plan: CertificatePlan, view: View, isOrdering: boolean, now: number): AcmeStatus {
  const certificate = view.certificates.get(plan.id);
  const attempts = view.attempts.get(plan.id);
  const isValid = certificate !== undefined && certificate.notAfter > now;
  const without = attempts !== undefined && attempts.nextAt > now ? 'waiting' : 'missing';
  return {
    id: plan.id,
    names: plan.names,
    state: isOrdering ? 'ordering' : isValid ? 'valid' : without,
    notAfter: certificate?.notAfter ?? null,
    renewAt: certificate === undefined ? null : renewalAt(certificate, view.advice.get(plan.id)),
    failures: attempts?.failures ?? 0,
    nextAttemptAt: attempts?.nextAt ?? null,
    problem: attempts?.problem ?? null,
  };
}

export function refusedStatus({ name, reason }: RefusedName): AcmeStatus {
  return {
    ...{ id: name, names: [name], state: 'refused', notAfter: null, renewAt: null, failures: 0 },
    nextAttemptAt: null,
    problem: { type: 'refused', detail: reason, status: 0 },
  };
}
