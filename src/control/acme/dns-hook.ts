import { spawn } from 'node:child_process';
import { acmeProblem } from './problem.ts';

export interface DnsHook {
  /** The program and its first arguments; `present` or `cleanup` is added. No shell is involved. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
  /** How long after `present` all name servers have the record. */
  readonly propagationMs: number;
}

export type DnsAction = 'present' | 'cleanup';

const TAIL = 300;

/**
 * Asks the operator's program to set or remove a TXT record. It is told by variables: FAIRLEAD_ACME_NAME (the record),
 * FAIRLEAD_ACME_VALUE (its text), FAIRLEAD_ACME_DOMAIN (the name to prove).
 */
export async function runDnsHook(
  hook: DnsHook,
  action: DnsAction,
  domain: string,
  value: string,
  signal: AbortSignal,
): Promise<void> {
  const [program = '', ...args] = hook.command;
  const child = spawn(program, [...args, action], {
    env: {
      ...process.env,
      FAIRLEAD_ACME_NAME: `_acme-challenge.${domain}`,
      FAIRLEAD_ACME_VALUE: value,
      FAIRLEAD_ACME_DOMAIN: domain,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, so that what it starts ends with it.
    detached: true,
  });
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-TAIL);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (why: string): void =>
    reject(acmeProblem('dns_hook', `${program} ${action}: ${why}${tail === '' ? '' : `: ${tail}`}`));
  const stop = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  const end = (why: string): void => {
    stop();
    fail(why);
  };
  const onAbort = (): void => end('given up');
  const timer = setTimeout(() => end(`no end after ${hook.timeoutMs} ms`), hook.timeoutMs);
  signal.addEventListener('abort', onAbort);
  child.on('error', (error) => fail(error.message));
  child.on('close', (code, killer) => (code === 0 ? resolve() : fail(`ended with ${code ?? killer}`)));
  try {
    if (signal.aborted) onAbort();
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
