/**
 * Debian packages, in two ways. `install` is the machine's own apt, for root. `unpack` leaves the machine as
 * it is and needs no rights: a private apt state (sources, lists, cache), a download, and `dpkg -x`.
 */
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command, progress, retried } from './command.ts';
import type { Component } from './components.ts';
import { mirrors, type Source } from './sources.ts';

const noninteractive = { env: { DEBIAN_FRONTEND: 'noninteractive' } };

/** `apt-get install`, after an update where the lists are missing or stale; leaves no daemon running. */
export async function install({ name, package: wanted, daemon = name }: Component): Promise<void> {
  const args = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', wanted];
  progress(`installing ${name}`);
  await command('apt-get', args, noninteractive).catch(async () => {
    progress(`updating the package lists for ${name}`);
    await retried(() => command('apt-get', ['update', '-o', 'APT::Update::Error-Mode=any'], noninteractive));
    progress(`installing ${name}`);
    await retried(() => command('apt-get', args, noninteractive));
  });
  await stopDaemon(daemon);
}

/** The daemon cannot have run before its package was there, so it is ours to stop. */
async function stopDaemon(name: string): Promise<void> {
  const script = `/etc/init.d/${name}`;
  const status = await command(script, ['status']).then(
    () => 0,
    ({ cause }: { cause: { code: unknown } }) => cause.code,
  );
  // 3 is "not running" for every init script; haproxy's says 1 of a daemon it cannot see where `ps` is missing.
  if (status === 3 || status === 'ENOENT') return;
  process.stderr.write(`provision: installing ${name} started its daemon; stopping it\n`);
  await command(script, ['stop']).catch((error: Error) =>
    process.stderr.write(`provision: ${error.message}\n`),
  );
}

/** Unpacks the package, with the libraries the machine lacks, so that `<cache>/<name>/<name>` runs it. */
export async function unpack(component: Component, cache: string): Promise<void> {
  const { name, release } = component;
  const own = await codename();
  const apt = await privateApt(join(cache, 'apt', release ?? own), own, release ?? own);
  const packages = release === undefined ? await missing(component.package, apt) : [component.package];
  const fresh = join(cache, `${name}.new`);
  await rm(fresh, { recursive: true, force: true });
  await mkdir(join(fresh, 'packages'), { recursive: true });
  progress(`downloading ${packages.join(' ')}`);
  const download = { cwd: join(fresh, 'packages') };
  await retried(() => command('apt-get', [...apt, 'download', ...packages], download));
  for (const file of await readdir(download.cwd))
    await command('dpkg', ['-x', join(download.cwd, file), fresh]);
  await rm(download.cwd, { recursive: true });
  await makeRunnable(component, fresh);
  if (!component.library) await command(join(fresh, name), component.probe);
  await rm(join(cache, name), { recursive: true, force: true });
  await rename(fresh, join(cache, name));
}

async function codename(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const found = /^VERSION_CODENAME="?(\w+)/m.exec(release)?.[1];
  if (!/^ID="?debian/m.test(release) || found === undefined)
    throw new Error('this machine does not run Debian');
  return found;
}

/** Options that point apt at lists of its own for one release, filled from the machine's mirror. */
async function privateApt(folder: string, own: string, release: string): Promise<string[]> {
  const candidates = await mirrors(own);
  if (candidates.length === 0) throw new Error('no Debian mirror among the apt sources of this machine');
  await mkdir(join(folder, 'lists', 'partial'), { recursive: true });
  await mkdir(join(folder, 'archives', 'partial'), { recursive: true });
  const settings = {
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::Cache': folder,
    'Dir::Cache::archives': join(folder, 'archives'),
    // Its indexes compressed and no binary cache: an eighth of the disk for half a second.
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'Acquire::GzipIndexes': 'true',
    'APT::Sandbox::User': 'root',
    'APT::Update::Error-Mode': 'any',
    'Acquire::Languages': 'none',
    'Acquire::http::Timeout': '30',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await updateFromFirst(candidates, folder, release, options);
  return options;
}

/** Tries the candidates in turn; fails with the error of the likeliest. */
async function updateFromFirst(candidates: Source[], folder: string, release: string, options: string[]) {
  let first: unknown;
  for (const source of candidates) {
    progress(`reading the package lists of Debian ${release}`);
    await writeFile(join(folder, 'sources.list'), await sourceLine(source, release, folder));
    try {
      return await retried(() => command('apt-get', [...options, 'update']));
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

const debianKeys = '/usr/share/keyrings/debian-archive-keyring.gpg';

async function sourceLine(source: Source, release: string, folder: string): Promise<string> {
  let keys = source.signedBy ?? ((await exists(debianKeys)) ? debianKeys : undefined);
  if (keys?.includes('BEGIN PGP')) {
    await writeFile(join(folder, 'key.asc'), keys);
    keys = join(folder, 'key.asc');
  }
  const trust = [
    ...(keys === undefined ? [] : [`signed-by=${keys}`]),
    ...(source.trusted ? ['trusted=yes'] : []),
  ];
  return `deb ${trust.length > 0 ? `[${trust.join(' ')}] ` : ''}${source.uri} ${release} main\n`;
}

/** The package and whatever it depends on that is not installed, from a simulated installation. */
async function missing(wanted: string, apt: string[]): Promise<string[]> {
  const plan = await command('apt-get', [...apt, '-s', 'install', '--no-install-recommends', wanted]);
  return [...new Set([wanted, ...[...plan.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]!)])];
}

/** `<folder>/<name>`: a link to the program, or a script that tells it where the unpacked libraries are. */
async function makeRunnable({ name, path, release, library }: Component, folder: string): Promise<void> {
  const entry = join(folder, name);
  if (release !== undefined || library) return symlink(path, entry);
  const libraries = (await Promise.all(['usr/lib', 'lib'].map((lib) => libraryFolders(folder, lib)))).flat();
  const search = libraries.map((lib) => `$here/${lib}`).join(':');
  const script = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="${search}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$here/${path}" "$@"
`;
  await writeFile(entry, script);
  await chmod(entry, 0o755);
}

/** The folder and those in it that are named after the machine, such as `usr/lib/x86_64-linux-gnu`. */
async function libraryFolders(folder: string, lib: string): Promise<string[]> {
  const inside = await readdir(join(folder, lib)).catch(() => []);
  return [lib, ...inside.filter((name) => /-linux-/.test(name)).map((name) => `${lib}/${name}`)];
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
