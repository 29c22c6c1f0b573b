import { formatAddress, isWildcard, parseAddress } from '../config/addresses.ts';
import type { Address } from '../config/config.ts';
import { explainRead, readText } from '../config/files.ts';
import { loadConfig, type Problem } from '../config/load.ts';
import { parseSecret } from '../config/values.ts';
import { exit } from '../exit-codes.ts';
import { request, type Target } from './admin-request.ts';
import { explainFailure } from './explain-failure.ts';

export interface AdminOptions {
  readonly admin?: string;
  readonly config?: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

export type TargetResult =
  | { readonly ok: true; readonly target: Target }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export type Answer =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly reason: string; readonly code: number };

/** Who is asked: `--admin` and `--token-file`, else what the configuration says. */
export function findTarget(options: AdminOptions): TargetResult {
  const loaded = loadConfig({ flags: { config: options.config }, env: process.env, cwd: process.cwd() });
  const token = options.tokenFile === undefined ? null : readTokenFile(options.tokenFile);
  if (token !== null && !token.ok) return token;
  const configured = loaded.ok ? loaded.config.admin : null;
  const chosen = token?.token ?? configured?.token ?? null;
  if (options.admin !== undefined) {
    const parsed = parseAddress(options.admin);
    if (!parsed.ok) return { ok: false, problems: [{ at: 'flag --admin', message: parsed.reason }] };
    return { ok: true, target: { url: urlOf(parsed.value), token: chosen } };
  }
  if (!loaded.ok) return loaded;
  return { ok: true, target: { url: urlOf(loaded.config.admin.address), token: chosen } };
}

function readTokenFile(path: string): { ok: true; token: string } | { ok: false; problems: Problem[] } {
  const at = 'flag --token-file';
  try {
    const parsed = parseSecret(readText(path));
    if (parsed.ok) return { ok: true, token: parsed.value };
    return { ok: false, problems: [{ at, message: `the content of ${path} ${parsed.reason}` }] };
  } catch (error) {
    return { ok: false, problems: [{ at, message: `cannot read ${path}: ${explainRead(error)}` }] };
  }
}

/** A listener on every interface is asked through the loopback one. */
export function urlOf(address: Address): string {
  const loopback = address.host === '::' ? '::1' : '127.0.0.1';
  const host = isWildcard(address.host) ? loopback : address.host;
  return `http://${formatAddress({ host, port: address.port })}`;
}

/** One question to the admin listener. Never throws; the reason is one line. */
export async function ask(target: Target, path: string): Promise<Answer> {
  const url = target.url + path;
  try {
    const { status, body } = await request(target, path);
    if (status === 401 || status === 403) return failure(`${url} refuses: a token is needed (--token-file)`);
    if (status === 400) return { ...failure(errorIn(body) ?? `${url} answered 400`), code: exit.usage };
    return status === 200 ? parseBody(url, body) : failure(`${url} answered ${status}`);
  } catch (error) {
    return failure(`cannot reach the router at ${url}: ${explainFailure(error)}`);
  }
}

function parseBody(url: string, body: string): Answer {
  try {
    return { ok: true, body: JSON.parse(body) };
  } catch {
    return failure(`${url} did not answer with JSON: is this the admin address of fairlead?`);
  }
}

/** What is wrong with a question, in the router's words. */
function errorIn(body: string): string | null {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    return typeof error === 'string' ? error : null;
  } catch {
    return null;
  }
}

function failure(reason: string): Answer & { ok: false } {
  return { ok: false, reason, code: exit.unavailable };
}
