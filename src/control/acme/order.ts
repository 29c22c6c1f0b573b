import type { ChallengeType, KeyType } from '../../config/acme.ts';
import type { Clock } from '../providers/clock.ts';
import {
  type Authority,
  type Authorization,
  type Challenge,
  dnsValue,
  errorOf,
  type Order,
} from './authority.ts';
import type { Book } from './book.ts';
import { takeBudget } from './budget.ts';
import { checkCertificate, createKey } from './certificate-facts.ts';
import { publishChallenge } from './challenges.ts';
import { type DnsHook, runDnsHook } from './dns-hook.ts';
import type { CertificatePlan } from './names.ts';
import { AcmeProblem, acmeProblem, isShared } from './problem.ts';
import type { CertificateRecord, OrderRecord } from './records.ts';

export interface OrderSettings {
  /** In order of preference. */
  readonly challenges: readonly ChallengeType[];
  readonly dns: DnsHook | null;
  readonly keyType: KeyType;
  readonly profile: string | null;
  readonly ordersPerHour: number;
  /** How long after a challenge was published every replica has it. */
  readonly settleMs: number;
}

export interface OrderContext {
  readonly book: Book;
  readonly authority: Authority;
  readonly clock: Clock;
  readonly settings: OrderSettings;
}

export interface OrderRequest {
  readonly plan: CertificatePlan;
  /** The certificate this one comes after. */
  readonly replaces: CertificateRecord | undefined;
  /** How often in a row it has failed; another kind of challenge is tried each time. */
  readonly failures: number;
  readonly fence: number;
}

/** Validation takes an authority seconds, or as long as its queue is. */
const PATIENCE_MS = 5 * 60_000;
const FIRST_POLL_MS = 100;
const SLOWEST_POLL_MS = 5000;
/** Authorities forget unfinished orders after days; ours are taken up again only while all is fresh. */
const RESUME_MS = 60 * 60_000;

/** Orders one certificate, or carries on with the order that another replica left. The caller holds its lock. */
export async function obtain(
  context: OrderContext,
  request: OrderRequest,
  signal: AbortSignal,
): Promise<CertificateRecord> {
  const { book, authority, clock } = context;
  const { plan, fence } = request;
  const record = (await resumable(context, plan)) ?? (await open(context, request));
  try {
    const order = await authority.getOrder(record.url);
    await Promise.all(order.authorizations.map((url) => prove(context, url, request.failures, signal)));
    await finish(context, record, signal);
    const certPem = await authority.certificate(record.url);
    const facts = await checkCertificate(certPem, record.keyPem, plan.names, clock.now());
    return { id: plan.id, names: plan.names, certPem, keyPem: record.keyPem, fence, ...facts };
  } catch (error) {
    // An order with a failed part stays invalid for ever (RFC 8555 §7.1.6). One that could not be asked about may live.
    if (error instanceof AcmeProblem && !signal.aborted && !isShared(error.problem)) {
      await book.remove('order', plan.id).catch(() => {});
    }
    throw error;
  }
}

async function resumable(
  { book, authority, clock }: OrderContext,
  plan: CertificatePlan,
): Promise<OrderRecord | null> {
  const found = await book.read('order', plan.id);
  if (found === null) return null;
  const { record } = found;
  const isSame =
    record.names.length === plan.names.length && plan.names.every((name) => record.names.includes(name));
  if (!isSame || clock.now() - record.at > RESUME_MS) return null;
  const order = await authority.getOrder(record.url).catch((error: unknown) => {
    if (error instanceof AcmeProblem && [403, 404].includes(error.problem.status)) return null;
    throw error;
  });
  return order === null || order.status === 'invalid' ? null : record;
}

async function open(context: OrderContext, { plan, replaces }: OrderRequest): Promise<OrderRecord> {
  const { book, authority, clock, settings } = context;
  await takeBudget(book, clock.now(), settings.ordersPerHour);
  const keyPem = await createKey(settings.keyType);
  const order = await newOrder(authority, plan.names, replaces?.certId ?? null, settings.profile);
  const record = { url: order.url, names: plan.names, keyPem, at: clock.now() };
  await book.write('order', plan.id, record);
  return record;
}

/** Authorities may refuse what they do not know as replaceable (RFC 9773 §5); the certificate is needed all the same. */
async function newOrder(
  authority: Authority,
  names: readonly string[],
  replaces: string | null,
  profile: string | null,
): Promise<Order> {
  try {
    return await authority.newOrder(names, { replaces, profile });
  } catch (error) {
    const retry = replaces !== null && error instanceof AcmeProblem && refusesReplacement(error);
    if (!retry) throw error;
    return authority.newOrder(names, { replaces: null, profile });
  }
}

function refusesReplacement({ problem }: AcmeProblem): boolean {
  return ['alreadyReplaced', 'malformed', 'unauthorized'].includes(problem.type) || problem.status === 409;
}

/** Proves to the authority that the name is ours. */
async function prove(
  context: OrderContext,
  url: string,
  failures: number,
  signal: AbortSignal,
): Promise<void> {
  const { authority } = context;
  const authorization = await authority.getAuthorization(url);
  if (authorization.status === 'valid') return;
  if (authorization.status !== 'pending') throw failed(authorization);
  const challenge = choose(authorization, context.settings, failures);
  signal.throwIfAborted();
  const takeBack = await answer(context, authorization.name, challenge, signal);
  try {
    if (challenge.status === 'pending') await authority.respond(challenge);
    const read = (): Promise<Authorization> => authority.getAuthorization(url);
    const settled = await poll(context, read, ({ status }) => status !== 'pending', signal);
    if (settled.status !== 'valid') throw failed(settled);
  } finally {
    await takeBack().catch(() => {});
  }
}

function choose({ challenges, name }: Authorization, settings: OrderSettings, failures: number): Challenge {
  const usable = settings.challenges.flatMap((type) => {
    const offered = challenges.find((each) => each.type === type);
    return offered === undefined || (type === 'dns-01' && settings.dns === null) ? [] : [offered];
  });
  const chosen = usable[failures % Math.max(1, usable.length)];
  if (chosen !== undefined) return chosen;
  const offers = challenges.map(({ type }) => type).join(', ');
  throw acmeProblem('no_challenge', `${name}: the authority offers ${offers}, none of which can be answered`);
}

/** Makes the answer visible wherever the authority may look; resolves with what takes it back. */
async function answer(
  { book, authority, clock, settings }: OrderContext,
  name: string,
  challenge: Challenge,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const keyAuthorization = await authority.keyAuthorization(challenge);
  if (challenge.type !== 'dns-01') {
    const takeBack = await publishChallenge(book, clock, challenge, name, keyAuthorization);
    await clock.sleep(settings.settleMs, signal);
    return takeBack;
  }
  const hook = settings.dns as DnsHook;
  const value = dnsValue(keyAuthorization);
  // Also when the lock was lost meanwhile: a record left behind would stay for ever.
  const cleanup = (): Promise<void> => runDnsHook(hook, 'cleanup', name, value, new AbortController().signal);
  try {
    await runDnsHook(hook, 'present', name, value, signal);
  } catch (error) {
    // It may have set the record before it failed. After an abort, whoever carries on sets the same one and removes it.
    if (!signal.aborted) await cleanup().catch(() => {});
    throw error;
  }
  await clock.sleep(hook.propagationMs, signal);
  return cleanup;
}

function failed(authorization: Authorization): AcmeProblem {
  const broken = authorization.challenges.find(({ error }) => error !== undefined);
  const { name, status } = authorization;
  const { type, detail } = errorOf(broken ?? {}, `the authorization is ${status}`);
  return acmeProblem(type, `${name}${broken === undefined ? '' : ` by ${broken.type}`}: ${detail}`);
}

/** Asks for the certificate once everything is proved, and waits for it. */
async function finish(context: OrderContext, record: OrderRecord, signal: AbortSignal): Promise<void> {
  const { authority } = context;
  const read = (): Promise<Order> => authority.getOrder(record.url);
  const proved = await poll(context, read, ({ status }) => status !== 'pending', signal);
  signal.throwIfAborted();
  if (proved.status === 'ready') await authority.finalize(record.url, record.names, record.keyPem);
  const isDone = ({ status }: Order): boolean => status === 'valid' || status === 'invalid';
  const done = await poll(context, read, isDone, signal);
  if (done.status === 'valid') return;
  const { type, detail } = errorOf(done, 'the order became invalid');
  throw acmeProblem(type, detail);
}

async function poll<T>(
  { clock }: OrderContext,
  read: () => Promise<T>,
  isDone: (item: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  const start = clock.now();
  for (let pause = FIRST_POLL_MS; ; pause = Math.min(SLOWEST_POLL_MS, pause * 1.5)) {
    const item = await read();
    if (isDone(item)) return item;
    if (clock.now() - start > PATIENCE_MS)
      throw acmeProblem('undecided', 'the authority did not come to a decision');
    await clock.sleep(pause, signal);
    signal.throwIfAborted();
  }
}
