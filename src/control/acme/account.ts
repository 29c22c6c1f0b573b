import { ABSENT } from '../store/store.ts';
import { type Authority, type AuthorityOptions, createAuthority } from './authority.ts';
import type { Book, Found } from './book.ts';
import { createKey } from './certificate-facts.ts';
import { AcmeProblem, isShared } from './problem.ts';

export interface AccountOptions extends Omit<AuthorityOptions, 'accountKeyPem' | 'accountUrl'> {
  readonly email: string | null;
}

const ID = 'key';

/** One account for all replicas: the first key that reaches the store is everybody's. */
export async function openAccount(book: Book, options: AccountOptions): Promise<Authority> {
  const { record, version } = await ownAccount(book);
  const { url, keyPem, contact } = record;
  const authority = await createAuthority({ ...options, accountKeyPem: keyPem, accountUrl: url });
  try {
    if (url !== null && contact === options.email) return authority;
    const registered = await authority.register(options.email);
    // Whoever else registers this key is given the same account, so it does not matter who writes first.
    await book.write('account', ID, { keyPem, url: registered, contact: options.email }, version);
    return authority;
  } catch (error) {
    await authority.close();
    throw asAccountProblem(error);
  }
}

async function ownAccount(book: Book): Promise<Found<'account'>> {
  const found = await book.read('account', ID);
  if (found !== null) return found;
  await book.write('account', ID, { keyPem: await createKey('ec256'), url: null, contact: null }, ABSENT);
  const written = await book.read('account', ID);
  if (written === null) throw new Error('the account key vanished while it was made');
  return written;
}

/** The authority no longer knows the account: the same key registers again. */
export async function forgetAccount(book: Book): Promise<void> {
  const found = await book.read('account', ID);
  if (found !== null) await book.write('account', ID, { ...found.record, url: null }, found.version);
}

/** No name can be served without an account, whatever the reason. */
function asAccountProblem(error: unknown): unknown {
  if (!(error instanceof AcmeProblem) || isShared(error.problem)) return error;
  const { type, detail, status } = error.problem;
  return new AcmeProblem(
    { type: 'account', detail: `${type}: ${detail}`, status },
    error.retryAfterMs,
    error,
  );
}
