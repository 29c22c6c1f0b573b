import { afterEach } from 'vitest';
import {
  type EmbeddedRegistry,
  type EmbeddedRegistryOptions,
  startRegistry,
} from '../../../src/embedded/registry.ts';

const open: EmbeddedRegistry[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((registry) => registry.close()));
});

/** A registry that is closed after the test. */
export async function registryForTest(options: EmbeddedRegistryOptions = {}): Promise<EmbeddedRegistry> {
  const registry = await startRegistry(options);
  open.push(registry);
  return registry;
}

export interface Got {
  readonly status: number;
  readonly index: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever JSON came back
  readonly json: any;
}

/** Asks over HTTP; `json` is undefined when the body is none. */
export async function ask(
  registry: EmbeddedRegistry,
  path: string,
  { method = 'GET', body }: { method?: string; body?: unknown } = {},
): Promise<Got> {
  const encoded = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const response = await fetch(registry.url + path, {
    method,
    ...(encoded !== undefined && { body: encoded as string }),
  });
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const index = Number(response.headers.get('x-consul-index') ?? Number.NaN);
  return { status: response.status, index, headers: response.headers, text, json };
}

export const put = (registry: EmbeddedRegistry, path: string, body?: unknown): Promise<Got> =>
  ask(registry, path, { method: 'PUT', body });

/** Starts a blocking query and waits until it sleeps. */
export async function sleeping(registry: EmbeddedRegistry, path: string): Promise<{ answer: Promise<Got> }> {
  const before = registry.faults.blocked.count();
  const answer = ask(registry, path);
  await registry.faults.blocked.whenOpen(before + 1);
  return { answer };
}

/** Repeats a blocking read until its answer satisfies. */
export async function until(
  registry: EmbeddedRegistry,
  path: string,
  satisfies: (got: Got) => boolean,
): Promise<Got> {
  let got = await ask(registry, path);
  while (!satisfies(got)) {
    const mark = path.includes('?') ? '&' : '?';
    got = await ask(registry, `${path}${mark}index=${got.index}&wait=5s`);
  }
  return got;
}

/** The status of the only service check of the only instance. */
export const statusOf = (got: Got): string => got.json[0].Checks.at(-1).Status;
