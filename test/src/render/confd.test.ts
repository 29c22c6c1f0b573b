// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a shell's variable
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folder, loaded, loadedWithWarnings, problemsOf } from './loading.ts';

const resource = `
[template]
src = "nginx.tmpl"
dest = "/etc/nginx/nginx.conf"
keys = ["/up", "down"]
prefix = "/own"
mode = "0644"
uid = 0
check_cmd = "nginx -t -c {{.src}}"
reload_cmd = "nginx -s reload"
`;

test('a template resource becomes a template', () => {
  const cwd = folder({ 'confd/conf.d/nginx.toml': resource });
  const { templates, dry } = loaded({ args: ['-confd', 'confd'], cwd });
  expect(dry).toBe(false);
  expect(templates).toEqual([
    {
      name: 'nginx.tmpl => /etc/nginx/nginx.conf',
      at: 'confd/conf.d/nginx.toml:2:1',
      source: { kind: 'file', path: join(cwd, 'confd/templates/nginx.tmpl') },
      destination: '/etc/nginx/nginx.conf',
      language: { kind: 'confd', prefix: '/own', keys: ['/up', 'down'], backend: { kind: 'consul' } },
      file: { mode: 0o644, user: '0', group: null, createFolders: false, backup: false },
      wait: null,
      check: expect.objectContaining({ line: { kind: 'shell', text: 'nginx -t -c ${FAIRLEAD_FILE}' } }),
      command: expect.objectContaining({
        line: { kind: 'shell', text: 'nginx -s reload' },
        timeoutMs: 30_000,
      }),
      childReload: null,
      commitGroup: null,
      minInstances: new Map(),
      errorFatal: null,
    },
  ]);
});

test('a prefix of the main file replaces the prefix of a resource', () => {
  const cwd = folder({ 'confd.toml': 'prefix = "main"', 'conf.d/a.toml': resource });
  expect(loaded({ args: ['-confd', '.'], cwd }).templates[0]?.language).toMatchObject({ prefix: '/main' });
});

test.each([
  ['"0644"', 0o644],
  ['"644"', 644],
  ['"0o600"', 0o600],
])('the base of a mode is found out as Go does: %s', (mode, expected) => {
  const cwd = folder({ 'conf.d/a.toml': resource.replace('"0644"', mode) });
  expect(loaded({ args: ['-confd', '.'], cwd }).templates[0]?.file.mode).toBe(expected);
});

test('confd.toml: Consul, log level, noop and sync-only', () => {
  const main =
    'backend="consul"\nnodes=["c1:8500"]\nscheme="https"\nlog-level="error"\nnoop=true\nsync-only=true';
  const cwd = folder({ 'confd.toml': main, 'conf.d/a.toml': resource });
  const config = loaded({ args: ['-confd', '.'], cwd });
  expect(config).toMatchObject({ dry: true, logLevel: 'error', consul: { url: 'https://c1:8500' } });
  expect(config.templates[0]).toMatchObject({ check: null, command: null });
});

test('redis is a backend; its nodes are not addresses of Consul', () => {
  const cwd = folder({ 'confd.toml': 'backend="redis"\nnodes=["r:6379"]', 'conf.d/a.toml': resource });
  const config = loaded({ args: ['-confd', '.'], cwd });
  expect(config.templates[0]?.language).toMatchObject({ backend: { kind: 'redis', nodes: ['r:6379'] } });
  expect(config.consul.url).toBe('http://127.0.0.1:8500');
});

test('a check that does not look at the new file, owner and group are warned about', () => {
  const text = resource.replace(' -c {{.src}}', '').replace('uid = 0', 'owner = "root"');
  const { warnings } = loadedWithWarnings({ args: ['-confd', '.'], cwd: folder({ 'conf.d/a.toml': text }) });
  expect(warnings).toEqual([
    'conf.d/a.toml:8:1: owner has no effect, as in confd: use uid and gid',
    'conf.d/a.toml:9:1: check_cmd does not name {{.src}}, so it does not look at the new file',
  ]);
});

describe('mistakes', () => {
  test.each([
    [{ 'conf.d/a.toml': '[template]\nsrc = ' }, /^conf\.d\/a\.toml:2:\d+: not valid TOML: /],
    [
      { 'conf.d/a.toml': resource.replace('dest', 'dets') },
      /^conf\.d\/a\.toml: template\.dest: must be text$/,
    ],
    [
      { 'conf.d/a.toml': `${resource}rload_cmd = "x"` },
      /^conf\.d\/a\.toml:11:1: unknown key "rload_cmd"; did you mean "reload_cmd"\?$/,
    ],
    [
      { 'conf.d/a.toml': resource.replace('0644', '0988') },
      /^conf\.d\/a\.toml:7:1: "0988" is not a file mode/,
    ],
    [
      { 'confd.toml': 'backend = "zookeeper"', 'conf.d/a.toml': resource },
      /^confd\.toml: the backend "zookeeper" is not supported: use consul or redis$/,
    ],
    [{ x: '' }, /^conf\.d: cannot read: there is no such folder$/],
  ])('%j', (files, problem) => {
    const problems = problemsOf({ args: ['-confd', '.'], cwd: folder(files as Record<string, string>) });
    expect(
      problems.some((each) => problem.test(each)),
      problems.join('\n'),
    ).toBe(true);
  });
});
