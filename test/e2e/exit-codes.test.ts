/** How a process that cannot do its work ends. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { accepts, freePorts } from '../support/ports.ts';
import { type Child, root, start, startFairlead } from '../support/process.ts';
import { temporaryFolder } from './site.ts';

const endings: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function folderForThis(): Promise<string> {
  const folder = await temporaryFolder();
  endings.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe('exit codes', () => {
  async function run(args: string[], config = ''): Promise<Child> {
    const folder = await folderForThis();
    const file = join(folder, 'fairlead.yaml');
    await writeFile(file, config);
    const child = await startFairlead(['run', '--config', file, '--data', join(folder, 'data'), ...args], {
      cwd: folder,
    });
    endings.push(() => child.exit ?? child.stop('SIGKILL'));
    return child;
  }

  test('69 and one clear line when a port is taken', async () => {
    const [web, admin] = (await freePorts(2)) as [number, number];
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    endings.push(() => taken.close());
    const { port } = taken.address() as { port: number };
    const cases = [
      { http: port, admin, text: `listener web: address 127.0.0.1:${port}` },
      { http: web, admin: port, text: `admin: address 127.0.0.1:${port}` },
    ];
    for (const { http, admin, text } of cases) {
      const child = await run(['--http', `127.0.0.1:${http}`, '--admin', `127.0.0.1:${admin}`]);
      expect(await child.exited).toEqual({ code: 69, signal: null });
      expect(child.stderr).toEqual([`fairlead: ${text} is in use by another process`]);
      expect(child.stdout).toEqual([]);
    }
  });

  test('78 for a configuration that is not valid, with the place of every problem', async () => {
    const child = await run([], 'listeners:\n  web: { adress: ":8080" }\nconsul: { wait: never }\n');
    expect(await child.exited).toEqual({ code: 78, signal: null });
    const said = child.stderr.join('\n');
    expect(said).toMatch(/fairlead\.yaml:2:\d+.*adress/);
    expect(said).toMatch(/fairlead\.yaml:3:\d+/);
    const rule = await run([], 'routes: [{ rule: "a.test/ nonsense=1", to: ["127.0.0.1:1"] }]\n');
    expect(await rule.exited).toEqual({ code: 78, signal: null });
    expect(rule.stderr.join('\n')).toMatch(/fairlead\.yaml:1:\d+.*nonsense/);
  });

  test('77 for a port that this user may not open', async ({ skip }) => {
    const limit = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
    const privileged = await freePrivilegedPort(limit);
    if (privileged === null) return skip('every port may be opened here');
    const [admin] = (await freePorts(1)) as [number];
    const folder = await folderForThis();
    await chmod(folder, 0o777);
    const args = [`${root}node_modules/.bin/node`, `${root}src/main.ts`, 'run'];
    args.push(
      '--http',
      `127.0.0.1:${privileged}`,
      '--admin',
      `127.0.0.1:${admin}`,
      '--data',
      join(folder, 'd'),
    );
    const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', '--'];
    const command = process.getuid?.() === 0 ? ['setpriv', ...asNobody, ...args] : args;
    const options = { cwd: folder, env: { HOME: folder } };
    const child = await start(command[0]!, command.slice(1), options).catch(() => null);
    if (child === null) return skip('there is no setpriv here');
    endings.push(() => child.exit ?? child.stop('SIGKILL'));
    const { code } = await child.exited;
    if (/EACCES|Permission denied|Cannot find module/.test(child.stderr.join('\n')) && code !== 77)
      return skip('an unprivileged user cannot read the program here');
    expect({ code, said: child.stderr }).toEqual({
      code: 77,
      said: [
        `fairlead: listener web: address 127.0.0.1:${privileged} may not be opened by this user ` +
          '(ports below 1024 need CAP_NET_BIND_SERVICE)',
      ],
    });
  });
});

/** A port below the limit that nobody listens on; null when there is no limit. */
async function freePrivilegedPort(limit: number): Promise<number | null> {
  for (let port = Math.min(limit, 1024) - 1; port > 512; port--) {
    if (await accepts(port).catch(() => true)) return port;
  }
  return null;
}
