/** Where the file is looked for, and what its paths are relative to. */
import { describe, expect, test } from 'vitest';
import { configOf, cwd, load, loadOk } from './loading.ts';

describe('the file', () => {
  const places = [
    `${cwd}/fairlead.yaml`,
    '/xdg/fairlead/fairlead.yaml',
    '/home/me/.config/fairlead/fairlead.yaml',
    '/etc/fairlead/fairlead.yaml',
  ];

  test.each(places.map((place, index) => [place, index] as const))('%s is found', (place, index) => {
    const files = Object.fromEntries(
      places.slice(index).map((path) => [path, `workers: ${places.indexOf(path) + 1}`]),
    );
    const { file, config } = loadOk({ files, env: { XDG_CONFIG_HOME: '/xdg' } });
    expect(file).toBe(place);
    expect(config.workers).toBe(index + 1);
  });

  test('--config wins over FAIRLEAD_CONFIG, both over the search', () => {
    const files = { '/a.yaml': 'workers: 1', [`${cwd}/b.yaml`]: 'workers: 2' };
    const given = { files, yaml: 'workers: 3', env: { FAIRLEAD_CONFIG: '/a.yaml' } };
    expect(configOf(given).workers).toBe(1);
    expect(configOf({ ...given, flags: { config: 'b.yaml' } }).workers).toBe(2);
  });

  test('a named file must exist', () => {
    expect(load({ flags: { config: 'nope.yaml' }, yaml: '' })).toEqual({
      ok: false,
      problems: [{ at: 'flag --config', message: 'cannot read nope.yaml: there is no such file' }],
    });
    expect(load({ env: { FAIRLEAD_CONFIG: '/nope' } })).toMatchObject({
      problems: [{ at: 'environment FAIRLEAD_CONFIG' }],
    });
  });

  test('relative paths start at the folder of the file, those of flags and environment at the working directory', () => {
    const files = {
      '/etc/fairlead/fairlead.yaml': 'data: state\nconsul: { tokenFile: t }',
      '/etc/fairlead/t': 'x',
    };
    expect(configOf({ files }).dataDir).toBe('/etc/fairlead/state');
    expect(configOf({ files }).consul.tokenFile).toBe('/etc/fairlead/t');
    expect(configOf({ files, flags: { data: 'here' } }).dataDir).toBe(`${cwd}/here`);
  });

  test('the state folder of systemd is the default for data, the first where it names several', () => {
    expect(configOf({ env: { STATE_DIRECTORY: '/var/lib/fairlead:/var/lib/b' } }).dataDir).toBe(
      '/var/lib/fairlead',
    );
    expect(configOf({ env: { STATE_DIRECTORY: '/var/lib/a' }, yaml: 'data: /b' }).dataDir).toBe('/b');
  });

  test('it may be empty, or start with a byte order mark', () => {
    expect(configOf({ yaml: '' })).toEqual(configOf({}));
    expect(configOf({ yaml: '# nothing\n' })).toEqual(configOf({}));
    expect(configOf({ yaml: '\uFEFFworkers: 7' }).workers).toBe(7);
  });
});
