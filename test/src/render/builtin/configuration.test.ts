/** What built-in targets take from the flags of the renderer and from the configuration of the router. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fixedInput } from '../../../../src/render/builtin/input.ts';
import type { RouterPart } from '../../../../src/render/config/model.ts';
import { folder, loaded, loadedWithWarnings, problemsOf } from '../loading.ts';

/** A folder with a `fairlead.yaml`. */
function home(yaml: string): string {
  return folder({ 'fairlead.yaml': yaml });
}

function routerOf(yaml: string, ...args: readonly string[]): RouterPart {
  return loaded({ args: ['-builtin', 'nginx=n.conf', ...args], cwd: home(yaml) }).router!;
}

describe('the router of built-in targets', () => {
  test('is read where "fairlead run" would read it, or from the file that is named', () => {
    const yaml = 'listeners: { public: { address: ":81" } }\n';
    expect(routerOf(yaml).config.listeners.map(({ name }) => name)).toEqual(['public']);
    const cwd = home(yaml);
    writeFileSync(join(cwd, 'other.yaml'), 'listeners: { other: { address: ":82" } }\n');
    const args = ['-builtin', 'nginx=n.conf', '-router-config', 'other.yaml'];
    expect(loaded({ args, cwd }).router!.config.listeners.map(({ name }) => name)).toEqual(['other']);
    expect(loaded({ args: ['-template', 'a:b'], cwd }).router).toBeNull();
  });

  test('has its problems told with their places', () => {
    const args = ['-builtin', 'nginx=n.conf'];
    expect(problemsOf({ args, cwd: home('listenrs: {}\n') })).toEqual([
      expect.stringMatching(/^fairlead\.yaml:1:1: .*listenrs/),
    ]);
    expect(problemsOf({ args, cwd: home('routes: [{ rule: "a b c" }]\n') })).toEqual([
      expect.stringMatching(/^fairlead\.yaml:1:\d+: /),
    ]);
    expect(problemsOf({ args: [...args, '-router-config', 'no.yaml'] })).toEqual([
      expect.stringMatching(/^flag -router-config: .*no\.yaml/),
    ]);
    expect(problemsOf({ args: [...args, '-haproxy-socket', "/run/a'b"] })).toEqual([
      expect.stringMatching(/^flag -haproxy-socket: /),
    ]);
    const two = [...args, '-builtin', 'haproxy=a', '-builtin', 'haproxy=b', '-haproxy-socket', 's'];
    expect(problemsOf({ args: two })).toEqual([expect.stringContaining('belongs to one HAProxy')]);
    expect(problemsOf({ args: ['-builtin', 'apache=x'] })).toEqual([
      expect.stringContaining('write nginx=OUT or haproxy=OUT'),
    ]);
  });

  test('warns where one says something that has no effect', () => {
    const cwd = home('consul: { address: "10.0.0.1:8500" }\n');
    expect(loadedWithWarnings({ args: ['-builtin', 'nginx=n.conf'], cwd }).warnings).toEqual([
      expect.stringContaining('routes are rendered from http://127.0.0.1:8500 and not from'),
    ]);
    const flags = ['-template', 'a:b', '-haproxy-socket', 'x.sock'];
    expect(loadedWithWarnings({ args: flags, cwd }).warnings).toEqual([
      'flag -haproxy-socket: haproxy_socket has no effect without a built-in target haproxy',
    ]);
  });
});

describe('the input of a target', () => {
  test('has the listeners, times and places of the configuration', () => {
    const part = routerOf(
      `
listeners: { web: { address: "127.0.0.1:80" } }
timeouts: { connect: 1s, response: 2s, idle: 3s, tunnelIdle: 4s }
trustedProxies: ["10.0.0.0/8"]
tcp: { address: 127.0.0.2 }
`,
      ...['-runtime-folder', '/run/fairlead'],
    );
    expect(fixedInput(part, '/run/haproxy.sock')).toEqual({
      listeners: [{ name: 'web', address: { host: '127.0.0.1', port: 80 }, protocol: 'http' }],
      options: {
        ...{ connectMs: 1000, responseMs: 2000, idleMs: 3000, tunnelIdleMs: 4000, redirectPort: 443 },
        ...{ trustedProxies: ['10.0.0.0/8'], tcpHost: '127.0.0.2', opensPorts: true, guardedHosts: [] },
        ...{ runtimeFolder: '/run/fairlead', haproxySocket: '/run/haproxy.sock' },
      },
      shortfalls: [],
    });
  });

  test('names what of the configuration is not rendered', () => {
    const part = routerOf(`
listeners:
  web: { address: ":80" }
  proxied: { address: ":81", proxyProtocol: true }
trustedProxies: ["10.0.0.0/8"]
tcp: { proxyProtocol: true }
tls:
  strict: true
  hsts: { maxAge: 60 }
  certificates: [{ consulKv: certs }, { folder: certs }]
`);
    const { listeners, options, shortfalls } = fixedInput(part, null);
    expect(listeners.map(({ name }) => name)).toEqual(['web']);
    expect(options.opensPorts).toBe(false);
    expect(shortfalls.map(({ route }) => route)).toEqual([
      ...['listener proxied', 'certificates below certs in Consul'],
      ...['tls.strict', 'tls.hsts', 'tcp.proxyProtocol'],
    ]);
  });
});
