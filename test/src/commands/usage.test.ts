import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fairlead } from './cli.ts';

const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

describe('help', () => {
  test('teaches on stdout and lists what exists', async () => {
    const { code, stdout, stderr } = await fairlead(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    const listed = [...stdout.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name]) => name);
    expect(listed).toEqual([
      'run',
      'dev',
      'check',
      'routes',
      'pools',
      'explain',
      'history',
      'healthcheck',
      'version',
    ]);
    for (const text of ['Examples:', 'Exit codes:', 'fairlead:www.example.com/api'])
      expect(stdout).toContain(text);
  });

  test.each([
    [
      'run',
      [
        '--config',
        '--consul',
        '--http',
        '--https',
        '--admin',
        '--workers',
        '--data',
        '--log-level',
        '--access-log',
      ],
    ],
    ['dev', ['--http', '--admin']],
    ['check', ['--config', '--online', '--json']],
    ['routes', ['--admin', '--token-file', '--json']],
    ['pools', ['--admin', '--token-file', '--json']],
    ['healthcheck', ['--admin']],
  ])('%s --help names its flags and gives examples', async (command, flags) => {
    const { code, stdout } = await fairlead([command, '--help']);
    expect(code).toBe(0);
    for (const flag of flags) expect(stdout).toContain(`${flag} <`.replace(/ <$/, ''));
    expect(stdout).toContain('Examples:');
  });
});

test.each([
  ['no command', [], 'Usage: fairlead'],
  ['an unknown command', ['runn'], "unknown command 'runn'\n(Did you mean run?)"],
  ['an unknown flag', ['run', '--htpp', ':1'], "unknown option '--htpp'\n(Did you mean --http?)"],
  ['a flag without its value', ['run', '--http'], 'argument missing'],
  ['too many arguments', ['run', 'x'], 'too many arguments'],
  ['a bad address', ['run', '--http', 'x'], 'flag --http: "x" has no port'],
  ['a bad number of workers', ['run', '--workers', '0'], 'flag --workers: 0 is out of range'],
  ['a bad log level', ['dev', '--log-level', 'inof'], 'did you mean "info"?'],
  ['a bad access log', ['run', '--access-log', 'xml'], 'flag --access-log: "xml" is not one of json'],
  ['a bad admin address', ['pools', '--admin', 'x'], 'flag --admin: "x" has no port'],
])('%s is a usage error on stderr', async (_, args, message) => {
  const { code, stdout, stderr } = await fairlead(args);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});

describe('version', () => {
  test.each([['version'], ['--version'], ['-v']])('%s prints one line', async (argument) => {
    const line = `fairlead ${manifest.version}\n`;
    expect(await fairlead([argument])).toEqual({ code: 0, stdout: line, stderr: '' });
  });

  test('--json adds node, openssl and platform', async () => {
    const { stdout } = await fairlead(['version', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      version: manifest.version,
      node: process.versions.node,
      openssl: process.versions.openssl,
      platform: `${process.platform}-${process.arch}`,
    });
  });
});
