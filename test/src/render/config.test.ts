import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folder, loaded, loadedWithWarnings, problemsOf, templateOf } from './loading.ts';

const template = 'template { source = "a" destination = "b" }\n';

describe('a template block', () => {
  test('every key arrives', () => {
    const cwd = folder();
    const hcl = `
      template {
        contents = <<-EOT
        {{ key "x" }}
        EOT
        destination = "out/b"
        create_dest_dirs = false
        perms = 0640
        user = "www-data"
        gid = 33
        backup = true
        left_delimiter = "[["
        right_delimiter = "]]"
        error_on_missing_key = true
        error_fatal = false
        function_denylist = ["plugin", "spew_*"]
        sandbox_path = "safe"
        wait { min = "2s" max = "10s" }
        exec { command = ["nginx", "-s", "reload"] timeout = "5s" env { custom = ["A=b"] denylist = ["CONSUL_*"] } }
        check = "nginx -t -c $FAIRLEAD_FILE"
        min_instances { web = 2 }
        commit_group = "edge"
      }`;
    const environment = { pristine: false, custom: ['A=b'], allowlist: [], denylist: ['CONSUL_*'] };
    expect(templateOf({ hcl, cwd })).toEqual({
      name: 'contents => out/b',
      at: 'c.hcl:2:16',
      source: { kind: 'contents', text: '{{ key "x" }}\n' },
      destination: join(cwd, 'out/b'),
      language: {
        kind: 'consul-template',
        leftDelimiter: '[[',
        rightDelimiter: ']]',
        errorOnMissingKey: true,
        functionDenylist: ['plugin', 'spew_*'],
        sandboxPath: join(cwd, 'safe'),
      },
      file: { mode: 0o640, user: 'www-data', group: '33', createFolders: false, backup: true },
      wait: { minMs: 2000, maxMs: 10_000, initial: false },
      check: {
        line: { kind: 'shell', text: 'nginx -t -c $FAIRLEAD_FILE' },
        timeoutMs: 30_000,
        environment,
      },
      command: {
        line: { kind: 'program', argv: ['nginx', '-s', 'reload'] },
        timeoutMs: 5000,
        environment,
      },
      childReload: null,
      commitGroup: 'edge',
      minInstances: new Map([['web', 2]]),
      errorFatal: false,
    });
  });

  test.each([
    ['"0644"', 0o644],
    ['"644"', 0o644],
    ['0644', 0o644],
    ['"4755"', 0o4755],
  ])('trap 10: perms = %s', (perms, mode) => {
    expect(templateOf({ hcl: `template { source="a" destination="b" perms=${perms} }` }).file.mode).toBe(
      mode,
    );
  });

  test('the older keys of a command', () => {
    const hcl = 'template { source="a" destination="b" command="x y" command_timeout="3s" }';
    expect(templateOf({ hcl }).command).toMatchObject({ line: { text: 'x y' }, timeoutMs: 3000 });
  });

  test('trap 14: a comma in a command of a file does not split it, and a warning says so', () => {
    const hcl = 'template { source="a" destination="b"\n command="x -l 1,2" }';
    const { config, warnings } = loadedWithWarnings({ hcl });
    expect(config.templates[0]?.command?.line).toEqual({ kind: 'shell', text: 'x -l 1,2' });
    expect(warnings).toEqual([expect.stringMatching(/^c\.hcl:2:2: consul-template would split .* commas/)]);
  });
});

describe('waiting', () => {
  test.each([
    ['wait = "5s"', { minMs: 5000, maxMs: 20_000 }],
    ['wait = "5s:10s"', { minMs: 5000, maxMs: 10_000 }],
    ['wait { min = "1s" }', { minMs: 1000, maxMs: 4000 }],
    ['wait { min = "1s" max = "2s" }', { minMs: 1000, maxMs: 2000 }],
    ['wait { max = "2s" }', { minMs: 0, maxMs: 2000 }],
  ])('%s', (hcl, expected) => {
    expect(templateOf({ hcl: template + hcl }).wait).toEqual({ ...expected, initial: false });
  });

  test('trap 12: wait { enabled } is understood', () => {
    expect(templateOf({ hcl: `${template}wait { enabled = false min = "5s" }` }).wait).toBeNull();
    expect(templateOf({ hcl: `${template}wait { enabled = true min = "5s" }` }).wait?.minMs).toBe(5000);
  });

  test("a template's own wait wins, and switches the general one off", () => {
    const hcl = 'wait = "9s"\ntemplate { source="a" destination="b" wait { enabled = false } }';
    expect(templateOf({ hcl }).wait).toBeNull();
  });

  test('trap 9: initial_wait holds the first rendering, too', () => {
    expect(templateOf({ hcl: `${template}wait = "1s"\ninitial_wait = true` }).wait?.initial).toBe(true);
  });
});

test('trap 11: once in a file is honoured', () => {
  expect(loaded({ hcl: `${template}once = true` }).once).toBe(true);
});

test('trap 13: exec { enabled = false } starts nothing', () => {
  expect(loaded({ hcl: `${template}exec { enabled = false command = "x" }` }).exec).toBeNull();
  expect(loaded({ hcl: `${template}exec { command = "x" }` }).exec?.line).toEqual({
    kind: 'program',
    argv: ['x'],
  });
});

describe('mistakes', () => {
  test.each([
    ['tempalte { }', 'c.hcl:1:1: unknown key "tempalte"; did you mean "template"?'],
    ['template {\n  sorce = "a"\n}', 'c.hcl:2:3: unknown key "sorce" in template; did you mean "source"?'],
    [
      'consul {\n retry {\n  atempts = 1 } }',
      'c.hcl:3:3: unknown key "atempts" in consul.retry; did you mean "attempts"?',
    ],
    ['template { destination = "b" }', 'c.hcl:1:10: template: needs exactly one of "source" and "contents"'],
    [
      'template { source = "a" contents = "x" destination = "b" }',
      'c.hcl:1:10: template: needs exactly one of "source" and "contents"',
    ],
    ['template { source = "a" }', 'c.hcl:1:10: has no destination: write IN:OUT, or "destination" in a file'],
    [
      `${template}template { source="c" destination="b" perms="0999" }`,
      'c.hcl:2:45: template.perms: "0999" is not a file mode: write 0644',
    ],
    [`${template}wait { min = "2s" max = "1s" }`, 'c.hcl:2:6: wait: "max" is shorter than "min"'],
    [`${template}max_stale = "10"`, 'c.hcl:2:13: max_stale: "10" has no unit: write 10s or 10ms'],
    [
      `${template}vault { address = "x" }`,
      'c.hcl:2:7: Vault is not supported: remove this group, and the templates that use secret or pkiCert',
    ],
    [
      `${template}nomad { address = "x" }`,
      'c.hcl:2:7: Nomad is not supported: remove this group, and the templates that use nomadService or nomadVar',
    ],
    [
      `${template}consul { auth { username = "x" } }`,
      'c.hcl:2:15: basic authentication is not supported: use a token',
    ],
    [
      `${template}consul { ssl { ca_path = "/x" } }`,
      'c.hcl:2:26: consul.ssl.ca_path is not supported: ca_cert takes one file',
    ],
    [
      `${template}exec = "x"`,
      'c.hcl:2:8: exec: must be a group of keys (command, enabled, timeout, splay, kill_signal, kill_timeout, reload_signal, env)',
    ],
    ['template = 3', 'c.hcl:1:12: template: must be a group of keys (source'],
    ['a = ', 'c.hcl:1:5: the file ends where a value should be'],
  ])('%s', (hcl, problem) => {
    expect(problemsOf({ hcl })[0]).toContain(problem);
  });

  test('trap 27: telemetry is an unknown key, as there', () => {
    expect(problemsOf({ hcl: `${template}telemetry { }` })[0]).toMatch(
      /^c\.hcl:2:1: unknown key "telemetry"/,
    );
  });

  test('a missing file is named', () => {
    expect(problemsOf({ args: ['-config', 'nothere.hcl'] })[0]).toBe(
      'nothere.hcl: cannot read: there is no such file',
    );
  });
});

test('what has no effect here is a warning', () => {
  const hcl = `${template}\nsyslog { enabled = true }\nlog_file { path = "x" }`;
  const { warnings } = loadedWithWarnings({ hcl });
  expect(warnings.map((each) => each.slice(0, 30))).toEqual([
    'c.hcl:3:8: syslog has no effec',
    'c.hcl:4:10: log_file has no ef',
  ]);
});

describe('several sources', () => {
  test('flags > later files > earlier files > CT_LOCAL_CONFIG > environment', () => {
    const cwd = folder({
      'one.hcl': `${template}log_level = "warn" consul { address = "one:1" token = "t1" } kill_signal = "SIGTERM"`,
      'two.hcl': 'log_level = "err" consul { address = "two:2" } kill_signal = "SIGQUIT"',
    });
    const args = ['-config', 'one.hcl', '-config', 'two.hcl', '-log-level', 'DEBUG'];
    const env = {
      CT_LOCAL_CONFIG: 'pid_file = "/p" log_level = "trace" consul { namespace = "n" }',
      CONSUL_HTTP_ADDR: 'env:3',
      CONSUL_HTTP_TOKEN: 'from-env',
      CONSUL_HTTP_SSL: 'true',
    };
    const config = loaded({ args, env, cwd });
    expect(config.logLevel).toBe('debug');
    expect(config.killSignal).toBe('SIGQUIT');
    expect(config.pidFile).toBe('/p');
    expect(config.consul).toMatchObject({ url: 'https://two:2', token: 't1', namespace: 'n' });
  });

  test('the environment is the last to be asked', () => {
    const env = { CONSUL_HTTP_ADDR: 'env:3', CONSUL_HTTP_TOKEN: 'from-env', CT_LOG: 'err' };
    const config = loaded({ hcl: template, env });
    expect(config.consul).toMatchObject({ url: 'http://env:3', token: 'from-env' });
    expect(config.logLevel).toBe('error');
  });

  test('a token from above replaces a token file from below', () => {
    const cwd = folder({ token: 'in-file\n' });
    const hcl = `${template}consul { token_file = "token" }`;
    expect(loaded({ hcl, cwd }).consul).toMatchObject({ token: 'in-file', tokenFile: join(cwd, 'token') });
    expect(loaded({ hcl, cwd, args: ['-consul-token', 'given'] }).consul).toMatchObject({
      token: 'given',
      tokenFile: null,
    });
  });

  test('a folder is read in the order of its names; templates add up', () => {
    const cwd = folder({
      'd/20.hcl': 'template { source="c" destination="d" }\nlog_level = "err"',
      'd/10.json': '{"template": {"source": "a", "destination": "b"}, "log_level": "warn"}',
      'd/30/x.hcl': 'template { source="e" destination="f" }',
    });
    const config = loaded({ args: ['-config', 'd'], cwd });
    expect(config.templates.map(({ name }) => name)).toEqual(['a => b', 'c => d', 'e => f']);
    expect(config.logLevel).toBe('error');
  });

  test("editors' leftovers are not read, and a mounted ConfigMap is read once", () => {
    const cwd = folder({ 'd/..2026/a.hcl': template, 'd/a.hcl~': 'broken', 'd/.a.hcl.swp': '\u0000' });
    symlinkSync('..2026', join(cwd, 'd/..data'));
    symlinkSync('..data/a.hcl', join(cwd, 'd/a.hcl'));
    expect(loaded({ args: ['-config', 'd'], cwd }).templates).toHaveLength(1);
  });
});

test('the old form consul = "address"', () => {
  expect(loaded({ hcl: `${template}consul = "old:1"` }).consul.url).toBe('http://old:1');
});

test('trap 3: retries go on for ever unless a number is asked for', () => {
  expect(loaded({ hcl: template }).retry).toEqual({ attempts: null, backoffMs: 250, maxBackoffMs: 60_000 });
  const hcl = `${template}consul { retry { attempts = 3 backoff = "1s" max_backoff = "5s" } }`;
  expect(loaded({ hcl }).retry).toEqual({ attempts: 3, backoffMs: 1000, maxBackoffMs: 5000 });
  expect(loaded({ hcl: `${template}consul { retry { enabled = false } }` }).retry.attempts).toBe(1);
});

test('no message repeats a token', () => {
  expect(problemsOf({ hcl: `${template}consul { token = "se cret" }` }).join()).not.toContain('cret"');
});

test('deduplicate is on with any of its keys, and off where it says so', () => {
  const dedup = (group: string) => loaded({ hcl: `${template}deduplicate { ${group} }` }).deduplicate;
  expect(dedup('enabled = true')).toEqual({ prefix: 'consul-template/dedup', lockMs: 15_000 });
  expect(dedup('prefix = "shared/" ttl = "20s"')).toEqual({ prefix: 'shared/', lockMs: 20_000 });
  expect(dedup('enabled = false')).toBeNull();
  expect(loaded({ args: ['-dedup', '-template', 'a:b'] }).deduplicate).not.toBeNull();
  expect(loaded({ args: ['-template', 'a:b'] }).deduplicate).toBeNull();
  expect(problemsOf({ hcl: `${template}deduplicate { ttl = "1s" }` })).toEqual([
    expect.stringContaining('deduplicate.ttl'),
  ]);
});

test('what vanishes with a restarted agent is held for a minute unless told otherwise', () => {
  expect(loaded({ args: ['-template', 'a:b'] }).consul.holdMs).toBe(60_000);
  expect(loaded({ args: ['-template', 'a:b', '-consul-hold', '0s'] }).consul.holdMs).toBe(0);
});
