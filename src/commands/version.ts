import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { print } from './terminal.ts';

export function addVersion(program: Command, finish: (code: number) => void): void {
  program
    .command('version')
    .description('print the version')
    .helpGroup('About:')
    .option('--json', 'with the versions of node and openssl and the platform')
    .action((options: { readonly json?: boolean }) => {
      print(options.json === true ? JSON.stringify(describeBuild()) : `fairlead ${readVersion()}`);
      finish(0);
    });
}

/** What to put into a bug report. */
function describeBuild() {
  return {
    version: readVersion(),
    node: process.versions.node,
    openssl: process.versions.openssl,
    platform: `${process.platform}-${process.arch}`,
  };
}

/** From the package's own manifest: two folders up in a checkout, three in `dist`. */
export function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Record<
        string,
        unknown
      >;
      if (manifest.name === 'fairlead') return String(manifest.version);
    } catch {
      // The other place has it.
    }
  }
  return '0.0.0';
}
