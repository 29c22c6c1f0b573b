/** The template most people have, from a real Consul into a real nginx. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nginxBinary } from '../provision.ts';
import { answerName, type Backend, startBackend } from '../support/backend.ts';
import { get } from '../support/client.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';
import { freePort } from '../support/ports.ts';
import { type Child, eventually, startFairlead, tail } from '../support/process.ts';
import { deregister, registerBackend } from './site.ts';

const slow = { timeoutMs: 20_000 };

describe.skipIf(skipConsul)('an nginx behind fairlead render', { timeout: 60_000 }, () => {
  let consul: ConsulAgent;
  let folder: string;
  let backends: Backend[];
  let nginx: Nginx;
  let port: number;

  /** As it stands on people's disks; only the port is ours. */
  const template = () => `upstream app {
  least_conn;
  {{range service "app"}}server {{.Address}}:{{.Port}} max_fails=3 fail_timeout=60 weight=1;
  {{else}}server 127.0.0.1:65535; # force a 502{{end}}
}

server {
  listen ${port} default_server;

  location ~ ^/api/(.*)$ {
    proxy_pass http://app/$1$is_args$args;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Real-IP $remote_addr;
  }
}
`;

  /** What Go's engine writes for it: the text between the actions, each time round. */
  const written = (...servers: readonly Backend[]): string => {
    const lines = servers.map(
      (each) => `server 127.0.0.1:${each.port} max_fails=3 fail_timeout=60 weight=1;\n  `,
    );
    const body = lines.join('') || 'server 127.0.0.1:65535; # force a 502';
    const [, rest] = template().split('{{end}}') as [string, string];
    return `upstream app {\n  least_conn;\n  ${body}${rest}`;
  };

  beforeAll(async () => {
    consul = await startConsul();
    folder = await mkdtemp(join(tmpdir(), 'fairlead-render-'));
    port = await freePort();
    backends = await Promise.all(
      ['app-1', 'app-2'].map((name) => startBackend({ name, handler: answerName })),
    );
    await writeFile(join(folder, 'app.ctmpl'), template());
    await writeFile(join(folder, 'app.conf'), written());
    nginx = await startNginx({ port, config: `include ${folder}/app.conf;` });
  }, 60_000);

  afterAll(async () => {
    await nginx?.stop();
    await Promise.all([consul?.stop(), ...(backends ?? []).map((each) => each.close())]);
    await rm(folder, { recursive: true, force: true });
  });

  const file = (): Promise<string> => readFile(join(folder, 'app.conf'), 'utf8');
  const ask = () => get(port, { path: '/api/who?x=1', timeoutMs: 5000 });

  test('follows the catalog: the bytes consul-template writes, checked by nginx, and served', async () => {
    const [one, two] = backends as [Backend, Backend];
    // In the words people use, the older name of the address among them.
    const check = `printf 'pid check.pid; error_log stderr; events {} http { access_log off; include %s; }' "$FAIRLEAD_FILE" > check.conf; ${await nginxBinary()} -t -e stderr -p . -c "$PWD/check.conf"`;
    const child: Child = await startFairlead(
      [
        'render',
        ...['-consul', new URL(consul.url).host, '-retry', '30s', '-reload-interval', '0s'],
        ...['-template', `app.ctmpl:app.conf:kill -HUP ${nginx.child.pid}`, '-check', check],
      ],
      { cwd: folder },
    );
    expect((await ask()).status).toBe(502);
    await registerBackend(consul, 'app', one, []);
    await eventually(async () => expect(await file(), tail(child)).toBe(written(one)), slow);
    await eventually(async () => expect((await ask()).status).toBe(200), slow);
    await registerBackend(consul, 'app', two, []);
    await eventually(async () => expect(await file()).toBe(written(one, two)), slow);
    const answered = new Set<string>();
    await eventually(async () => {
      const { status, body } = await ask();
      expect(status).toBe(200);
      answered.add(body.trim());
      expect(answered.size).toBe(2);
    }, slow);
    await deregister(consul, one.name);
    await deregister(consul, two.name);
    await eventually(async () => expect(await file()).toBe(written()), slow);
    await eventually(async () => expect((await ask()).status).toBe(502), slow);
    expect(await child.stop()).toEqual({ code: 0, signal: null });
  });
});
