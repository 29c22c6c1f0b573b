import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { render } from '../../../src/commands/render.ts';
import { type Child, root, start } from '../../support/process.ts';
import { createFakeRenderers } from './fake-renderers.ts';
import { folder } from './loading.ts';

/** A folder in which `fairlead render` runs, with data that it watches. */
export class Sidecar {
  readonly dir: string;

  constructor(files: Readonly<Record<string, string>> = {}) {
    this.dir = folder({ 'data/.keep': '', ...files });
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  read(name: string): string | null {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : null;
  }

  /** In one step, so that a half-written file is never seen. */
  write(name: string, text: string): void {
    writeFileSync(this.path(`data/.staged`), text);
    renameSync(this.path('data/.staged'), this.path(name));
  }

  /** As a process of its own. */
  start(...args: string[]): Promise<Child> {
    const program = `${root}test/src/render/program.ts`;
    const given = ['-data', 'state', '-reload-interval', '0s', ...args];
    return start(`${root}node_modules/.bin/node`, [program, ...given], {
      cwd: this.dir,
      env: { FAKE_DATA: this.path('data') },
    });
  }

  /** Runs to the end within this process; its folder is the working directory from then on. */
  runHere(...args: string[]): Promise<number> {
    process.chdir(this.dir);
    return render(['-log-level', 'err', '-data', 'state', ...args], createFakeRenderers(this.path('data')));
  }
}
