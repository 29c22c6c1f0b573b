import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folder, load, loaded, problemsOf, templateOf } from './loading.ts';

const one = ['-template', 'a:b'];

describe('the grammar of flags', () => {
  test.each([
    [['-once', ...one]],
    [['--once', ...one]],
    [['-once=true', ...one]],
    [['-template=a:b', '-once=1']],
    [[...one, '--once=T', '--']],
  ])('%j is a single run', (args) => {
    const config = loaded({ args });
    expect(config.once).toBe(true);
    expect(config.templates).toHaveLength(1);
  });

  test.each([
    [['x'], 'null: "x" is not a flag'],
    [[...one, '-once', 'false'], 'null: "false" is not a flag'],
    [['-onec'], 'flag -onec: unknown flag; did you mean "once"? (-help lists all)'],
    [['-template'], 'flag -template: needs a value'],
    [['-template', ''], 'flag -template: "" names no template: write IN:OUT or IN:OUT:COMMAND'],
    [['-template', 'a'], 'flag -template: has no destination: write IN:OUT, or "destination" in a file'],
    [[...one, '-wait', '5'], 'flag -wait: wait.min: "5" has no unit: write 5s or 5ms'],
    [[...one, '-wait', '5s:1s'], 'flag -wait: wait: "max" is shorter than "min"'],
    [[...one, '-wait', '1s:2s:3s'], 'flag -wait: wait: must be a group of keys (enabled, min, max)'],
    [
      [...one, '-log-level', 'loud'],
      'flag -log-level: log_level: "loud" is not one of trace, debug, info, warn, err',
    ],
    [
      [...one, '-kill-signal', 'SIGTREM'],
      'flag -kill-signal: kill_signal: "SIGTREM" is not a signal; did you mean "SIGTERM"?',
    ],
    [[...one, '-dry=perhaps'], 'flag -dry: "perhaps" is neither true nor false'],
    [[...one, '-vault-addr', 'http://v'], 'flag -vault-addr: Vault is not supported'],
    [
      [...one, '-consul-auth', 'me:secret'],
      'flag -consul-auth: basic authentication is not supported: use a token',
    ],
    [
      [...one, '-min-instances', 'web'],
      'flag -min-instances: min_instances: "web=": write SERVICE=N, such as web=2',
    ],
    [
      ['-builtin', 'apache=x'],
      'flag -builtin: "apache=x": write nginx=OUT or haproxy=OUT, and :COMMAND behind it for a reload',
    ],
    [
      [],
      'flag -template: there is nothing to render: give -template IN:OUT, -config PATH, -builtin or -confd DIR',
    ],
    [[...one, ...one], expect.stringContaining('/b is already written by the template at flag -template')],
  ])('%j is refused', (args, problem) => {
    expect(problemsOf({ args })).toEqual([problem]);
  });

  test('every problem is told at once', () => {
    expect(problemsOf({ args: ['-onec', '-wait', 'x', '-log-level', 'y'] })).toHaveLength(3);
  });

  test('help and version win over problems', () => {
    expect(load({ args: ['-onec', '-h'] }).kind).toBe('help');
    expect(load({ args: ['--version'] }).kind).toBe('version');
  });
});

describe('-template IN:OUT:COMMAND', () => {
  test.each([
    ['a:b', null],
    ['a:b:', null],
    ['a:b:nginx', { kind: 'program', argv: ['nginx'] }],
    ['a:b:nginx -s reload', { kind: 'shell', text: 'nginx -s reload' }],
    ['a::b::curl http://x:1/y', { kind: 'shell', text: 'curl http://x:1/y' }],
  ])('%j', (text, line) => {
    const cwd = folder();
    const template = templateOf({ args: ['-template', text], cwd });
    expect(template.source).toEqual({ kind: 'file', path: join(cwd, 'a') });
    expect(template.destination).toBe(join(cwd, 'b'));
    expect(template.command?.line ?? null).toEqual(line);
    expect(template.command?.timeoutMs ?? 30_000).toBe(30_000);
  });

  test('trap 14: a command with a comma is not split', () => {
    const template = templateOf({ args: ['-template', 'a:b:reload -x 1,2'] });
    expect(template.command?.line).toEqual({ kind: 'shell', text: 'reload -x 1,2' });
  });

  test('a dry run needs no destination', () => {
    expect(templateOf({ args: ['-dry', '-template', 'a'] }).destination).toBeNull();
  });
});

describe('what consul-template lacks', () => {
  test('-check holds for every template that names none', () => {
    const hcl = 'template { source = "x" destination = "y" check = ["mine"] }';
    const { templates } = loaded({ args: ['-check', 'nginx -t', ...one], hcl });
    expect(templates.map(({ check }) => check?.line)).toEqual([
      { kind: 'program', argv: ['mine'] },
      { kind: 'shell', text: 'nginx -t' },
    ]);
  });

  test('-min-instances, -builtin and -haproxy-socket', () => {
    const cwd = folder();
    const args = [
      '-min-instances',
      'web=2',
      '-min-instances',
      'api=1',
      '-builtin',
      'haproxy=h.cfg:reload it',
    ];
    const config = loaded({ args: [...args, '-haproxy-socket', '/run/h.sock'], cwd });
    expect([...config.minInstances]).toEqual([
      ['web', 2],
      ['api', 1],
    ]);
    expect(config.haproxySocket).toBe('/run/h.sock');
    const [template] = config.templates;
    expect(template?.source).toEqual({ kind: 'builtin', name: 'haproxy' });
    expect(template?.destination).toBe(join(cwd, 'h.cfg'));
    expect(template?.command?.line).toEqual({ kind: 'shell', text: 'reload it' });
  });
});

test('-exec and its companions', () => {
  const args = [
    '-exec',
    'nginx -g x',
    '-exec-splay',
    '5s',
    '-exec-kill-signal',
    'term',
    '-exec-kill-timeout',
    '9s',
  ];
  const more = ['-exec-reload-signal', 'SIGHUP', '-exec-env-custom', 'A=1,x', '-exec-env-custom', 'B=2'];
  expect(loaded({ args: [...args, ...more, '-exec-env-pristine'] }).exec).toEqual({
    line: { kind: 'shell', text: 'nginx -g x' },
    environment: { pristine: true, custom: ['A=1,x', 'B=2'], allowlist: [], denylist: [] },
    splayMs: 5000,
    killSignal: 'SIGTERM',
    killTimeoutMs: 9000,
    reload: { kind: 'signal', signal: 'SIGHUP' },
    timeoutMs: 0,
  });
});

test('trap 8: without a reload signal a change restarts the child, with an empty one it does nothing', () => {
  expect(loaded({ args: ['-exec', 'x'] }).exec?.reload).toEqual({ kind: 'restart' });
  expect(loaded({ args: ['-exec', 'x', '-exec-reload-signal', ''] }).exec?.reload).toEqual({
    kind: 'nothing',
  });
});

test('trap 13: a dry run starts no child', () => {
  expect(loaded({ args: ['-dry', '-exec', 'x', ...one] }).exec).toBeNull();
});
