import * as z from 'zod';

/**
 * What replicas tell each other through the store. `fence` is the lock token of the writer. Times are epoch
 * milliseconds.
 */

const time = z.number().nonnegative();
const names = z.array(z.string().max(255)).min(1).max(100).readonly();
const pem = z.string().min(1);

const account = z.object({ keyPem: pem, url: z.string().nullable(), contact: z.string().nullable() });
const certificate = z.object({
  id: z.string(),
  names,
  certPem: pem,
  keyPem: pem,
  notBefore: time,
  notAfter: time,
  fence: z.number(),
  /** RFC 9773 §4.1, to ask for advice and to say what a new order replaces. */
  certId: z.string().nullable(),
});
/** What the authority advises about one certificate, and the instant that was drawn from it. */
const advice = z.object({
  certId: z.string(),
  start: time,
  end: time,
  renewAt: time,
  checkAt: time,
  explanation: z.string().nullable(),
});
const attempts = z.object({
  failures: z.number().int().nonnegative(),
  nextAt: time,
  at: time,
  problem: z.object({ type: z.string(), detail: z.string(), status: z.number() }),
});
/** An order under way; whoever takes the lock over carries on with it. */
const order = z.object({ url: z.string(), names, keyPem: pem, at: time });
const challenge = z.object({
  type: z.enum(['http-01', 'tls-alpn-01']),
  token: z.string().regex(/^[\w-]{16,512}$/),
  name: z.string(),
  keyAuthorization: z.string(),
  /** For tls-alpn-01 only (RFC 8737). */
  certificate: z.object({ certPem: pem, keyPem: pem }).nullable(),
  expiresAt: time,
});
const budget = z.object({ hour: z.number().int(), used: z.number().int().nonnegative() });
const onDemand = z.object({ name: z.string(), at: time });

/** By the first part of their keys. */
export const schemas = {
  account,
  certificate,
  advice,
  attempts,
  order,
  challenge,
  budget,
  onDemand,
} as const;

export type Kind = keyof typeof schemas;
export type RecordOf<K extends Kind> = Readonly<z.output<(typeof schemas)[K]>>;

export type CertificateRecord = RecordOf<'certificate'>;
export type AdviceRecord = RecordOf<'advice'>;
export type AttemptsRecord = RecordOf<'attempts'>;
export type OrderRecord = RecordOf<'order'>;
export type ChallengeRecord = RecordOf<'challenge'>;
