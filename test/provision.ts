/**
 * Sets a bare Debian machine up for the tests, as root or not, with nothing but its own package mirror. What is
 * found on the PATH is used as it is; what is missing is fetched once. `provision/components.ts` is the list.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { install, unpack } from './provision/apt.ts';
import { type Component, type ComponentName, components } from './provision/components.ts';
import { withLock } from './provision/lock.ts';

/** Set by FAIRLEAD_SKIP_EXTERNAL=1: nothing is fetched, and tests that need other programs skip themselves. */
export const skipExternal: boolean = process.env.FAIRLEAD_SKIP_EXTERNAL === '1';

export const consulBinary = (): Promise<string> => binary('consul');
export const nginxBinary = (): Promise<string> => binary('nginx');
export const haproxyBinary = (): Promise<string> => binary('haproxy');
export const nginxStreamModule = (): Promise<string> => binary('ngx_stream_module.so');
export const opensslBinary = (): Promise<string> => binary('openssl');
export const postgresBinary = (): Promise<string> => binary('postgres');
export const redisBinary = (): Promise<string> => binary('redis-server');
export const dnsmasqBinary = (): Promise<string> => binary('dnsmasq');
export const chromiumBinary = (): Promise<string> => binary('chromium');
export const pebbleBinary = (): Promise<string> => binary('pebble');
export const challtestsrvBinary = (): Promise<string> => binary('pebble-challtestsrv');

const cache = fileURLToPath(new URL('../.cache', import.meta.url));
const provisioned = 'FAIRLEAD_PROVISIONED';

/**
 * Makes every component available; one line on stderr for each that cannot be had, and its tests will fail with
 * the same line. Child processes look things up only, so that a failure is not repeated in each of them.
 */
export async function provision(): Promise<void> {
  process.env[provisioned] = '1';
  if (skipExternal) return;
  for (const { name } of components) {
    const fault = await ensure(name).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (fault !== undefined) process.stderr.write(`provision: ${fault}\n`);
  }
}

const found = new Map<ComponentName, Promise<string>>();

function binary(name: ComponentName): Promise<string> {
  const path = found.get(name) ?? (process.env[provisioned] === '1' ? lookUp(name) : ensure(name));
  found.set(name, path);
  return path;
}

async function lookUp(name: ComponentName): Promise<string> {
  const component = byName(name);
  const path = await locate(component);
  if (path === undefined) throw new Error(`${name} is missing: ${remedy(component)}`);
  return path;
}

/** Its path, fetching it when it is nowhere. */
async function ensure(name: ComponentName): Promise<string> {
  const component = byName(name);
  const present = await locate(component);
  if (present !== undefined) return present;
  try {
    return await withLock(join(cache, 'provision.lock'), async () => {
      if ((await locate(component)) === undefined) await fetchIt(component);
      return lookUp(name);
    });
  } catch (error) {
    throw new Error(
      `${name} is missing and cannot be fetched (${(error as Error).message}): ${remedy(component)}`,
    );
  }
}

async function fetchIt(component: Component): Promise<void> {
  const mayInstall = process.getuid?.() === 0 && component.release === undefined;
  if (!mayInstall) return unpack(component, cache);
  await install(component).catch(() => unpack(component, cache));
}

const byName = (name: ComponentName): Component => components.find((component) => component.name === name)!;

const remedy = ({ name, env }: Component): string => `put ${name} on the PATH or set ${env}`;

/** Where it is: named by its variable, on the PATH or where Debian keeps daemons, or in the cache. */
async function locate({ name, env, path: installed, library }: Component): Promise<string | undefined> {
  const named = process.env[env];
  if (named) return named;
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of [
    ...folders,
    '/usr/local/sbin',
    '/usr/sbin',
    dirname(`/${installed}`),
    join(cache, name),
  ]) {
    const path = join(folder, name);
    const runs = await access(path, library ? constants.R_OK : constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return path;
  }
  return undefined;
}
