import { chanceOf } from './certificate-facts.ts';
import type { CertificatePlan } from './names.ts';
import type { AdviceRecord, AttemptsRecord, CertificateRecord } from './records.ts';
import { renewalTime } from './timing.ts';

/** An authority whose advice is always "now" must not make us order without end. */
const YOUNGEST_MS = 4 * 3_600_000;
/** A schedule is looked at often, and a digest costs microseconds. */
const chances = new WeakMap<CertificateRecord, number>();

/** What is known about one planned certificate. */
export interface Known {
  readonly certificate: CertificateRecord | undefined;
  readonly advice: AdviceRecord | undefined;
  readonly attempts: AttemptsRecord | undefined;
}

/** The next thing to do for it, and when, in epoch milliseconds; 0 is at once. */
export interface Work {
  readonly kind: 'order' | 'advice';
  readonly at: number;
}

/** Any replica may do it, so all come to the same answer from the same records. */
export function nextWork(plan: CertificatePlan, { certificate, advice, attempts }: Known, now: number): Work {
  const earliest = attempts?.nextAt ?? 0;
  if (certificate === undefined || !plan.names.every((name) => certificate.names.includes(name))) {
    return { kind: 'order', at: earliest };
  }
  const advised = advice?.certId === certificate.certId ? advice : undefined;
  const renewAt = Math.max(earliest, renewalAt(certificate, advised));
  if (renewAt <= now || certificate.certId === null) return { kind: 'order', at: renewAt };
  const checkAt = advised?.checkAt ?? 0;
  return checkAt < renewAt ? { kind: 'advice', at: checkAt } : { kind: 'order', at: renewAt };
}

/** When a certificate is renewed if nothing fails. */
export function renewalAt(certificate: CertificateRecord, advice: AdviceRecord | undefined): number {
  if (advice !== undefined && advice.certId === certificate.certId) {
    return Math.max(advice.renewAt, certificate.notBefore + YOUNGEST_MS);
  }
  return ownRenewalAt(certificate);
}

/** When the authority gives no advice. */
export function ownRenewalAt(certificate: CertificateRecord): number {
  const chance = chances.get(certificate) ?? chanceOf(certificate.certPem);
  chances.set(certificate, chance);
  return renewalTime(certificate.notBefore, certificate.notAfter, chance);
}
