/** Reads the machine's apt sources, to find the Debian mirror it was set up to use. See sources.list(5). */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One `deb` source. */
export interface Source {
  uri: string;
  suite: string;
  components: string[];
  /** Keyring files or fingerprints, comma-separated as in a one-line source; or a key block. */
  signedBy?: string;
  trusted?: boolean;
}

/** The sources that look like the Debian archive for this release, the likeliest first. */
export async function mirrors(codename: string, etc = '/etc/apt'): Promise<Source[]> {
  const all = await readSources(etc);
  const own = all.filter(({ suite, uri, components }) => {
    return (
      [codename, 'stable', 'oldstable'].includes(suite) && components.includes('main') && !/^cdrom:/.test(uri)
    );
  });
  // Other publishers name their suites after Debian's too, but seldom their folder.
  const likely = ({ uri }: Source) => /\/debian\/?$/.test(uri);
  return [...own.filter(likely), ...own.filter((source) => !likely(source))];
}

async function readSources(etc: string): Promise<Source[]> {
  const folder = join(etc, 'sources.list.d');
  const names = await readdir(folder).catch(() => []);
  const files = [join(etc, 'sources.list'), ...names.sort().map((name) => join(folder, name))];
  const read = async (file: string) => parse(file, await readFile(file, 'utf8').catch(() => ''));
  return (await Promise.all(files.filter((file) => /\.(list|sources)$/.test(file)).map(read))).flat();
}

const parse = (file: string, text: string): Source[] =>
  file.endsWith('.sources') ? parseDeb822(text) : parseOneLine(text);

/** `deb [signed-by=…] URI SUITE COMPONENT…` */
export function parseOneLine(text: string): Source[] {
  return text.split('\n').flatMap((line): Source[] => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match) return [];
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const source: Source = { uri, suite, components: words(components) };
    return [{ ...source, ...trust(option(options, 'signed-by'), option(options, 'trusted')) }];
  });
}

const option = (options: string, name: string): string | undefined =>
  words(options)
    .find((word) => word.startsWith(`${name}=`))
    ?.slice(name.length + 1);

/** Stanzas of `Types: URIs: Suites: Components: Signed-By: Enabled:`. */
export function parseDeb822(text: string): Source[] {
  const withoutComments = text.replace(/^#.*\n?/gm, '');
  return withoutComments.split(/\n\s*\n/).flatMap((stanza): Source[] => {
    const fields = new Map<string, string>();
    for (const [, name = '', value = ''] of stanza.matchAll(/^([\w-]+):((?:.*)(?:\n[ \t].*)*)/gm)) {
      fields.set(name.toLowerCase(), value.trim());
    }
    const list = (name: string) => words(fields.get(name) ?? '');
    if (!list('types').includes('deb') || /^(no|false|0)$/i.test(fields.get('enabled') ?? '')) return [];
    const rest = { components: list('components'), ...trust(fields.get('signed-by'), fields.get('trusted')) };
    return list('uris').flatMap((uri) => list('suites').map((suite) => ({ uri, suite, ...rest })));
  });
}

function trust(
  signedBy: string | undefined,
  trusted: string | undefined,
): Pick<Source, 'signedBy' | 'trusted'> {
  const isBlock = signedBy?.includes('BEGIN PGP') ?? false;
  return {
    ...(signedBy !== undefined && { signedBy: isBlock ? unfold(signedBy) : words(signedBy).join(',') }),
    ...(/^(yes|true|1)$/i.test(trusted ?? '') && { trusted: true }),
  };
}

/** A key block inside a stanza is indented by one space, its empty lines are a dot. */
const unfold = (block: string): string => `${block.replace(/\n[ \t]\.?/g, '\n')}\n`;

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
