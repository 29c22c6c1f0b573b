import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mirrors, parseDeb822, parseOneLine } from './sources.ts';

test('one-line sources: options, comments, source packages', () => {
  const text = `
    # deb http://off.test/debian bookworm main
deb [ arch=amd64 signed-by=/a.gpg,/b.gpg ] http://one.test/debian bookworm main contrib # ours
deb-src http://one.test/debian bookworm main
deb [trusted=yes] mirror+file:/etc/mirrors bookworm-updates main
`;
  expect(parseOneLine(text)).toEqual([
    {
      uri: 'http://one.test/debian',
      suite: 'bookworm',
      components: ['main', 'contrib'],
      signedBy: '/a.gpg,/b.gpg',
    },
    { uri: 'mirror+file:/etc/mirrors', suite: 'bookworm-updates', components: ['main'], trusted: true },
  ]);
});

test('deb822 sources: several URIs and suites, disabled stanzas, a key inside', () => {
  const text = `Types: deb deb-src
# a comment in between
URIs: http://one.test/debian
 http://two.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main
Enabled: no
`;
  const sources = parseDeb822(text);
  expect(sources.map(({ uri, suite }) => `${uri} ${suite}`)).toEqual([
    'http://one.test/debian bookworm',
    'http://one.test/debian bookworm-updates',
    'http://two.test/debian bookworm',
    'http://two.test/debian bookworm-updates',
  ]);
  expect(sources[0]?.signedBy).toBe(
    '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n',
  );
});

test('the mirror is the source that looks like the Debian archive', async () => {
  const etc = await mkdtemp(join(tmpdir(), 'fairlead-apt-'));
  await mkdir(join(etc, 'sources.list.d'));
  const write = (name: string, text: string) => writeFile(join(etc, 'sources.list.d', name), text);
  await write('a.list', 'deb https://vendor.test bookworm main\ndeb https://vendor.test bookworm extra\n');
  await write('b.save', 'deb http://old.test/debian bookworm main\n');
  await write('c.sources', 'Types: deb\nURIs: http://d.test/debian\nSuites: bookworm\nComponents: main\n');
  expect((await mirrors('bookworm', etc)).map(({ uri }) => uri)).toEqual([
    'http://d.test/debian',
    'https://vendor.test',
  ]);
  await rm(etc, { recursive: true });
});
