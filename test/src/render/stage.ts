import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { createLog } from '../../../src/control/log.ts';
import { openAppliedStore } from '../../../src/render/commit/applied.ts';
import type { CommandSpec, RenderConfig, TemplateSpec } from '../../../src/render/config/model.ts';
import { Runner } from '../../../src/render/runner.ts';
import { RenderCounts } from '../../../src/render/views.ts';
import { FakeSource } from './fake-source.ts';
import { folder } from './loading.ts';
import { config, shell } from './specs.ts';

const running: Runner[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((runner) => runner.stop()));
});

/** A runner over a folder of its own, with a template language of one construct. */
export class Stage {
  readonly dir: string;
  readonly source: FakeSource;
  readonly counts = new RenderCounts();
  readonly printed: string[] = [];
  readonly logged: Record<string, unknown>[] = [];
  readonly runner: Runner;
  readonly told = { allRendered: 0, written: 0 };

  constructor(
    templates: readonly string[],
    specs: (dir: string) => readonly TemplateSpec[],
    change: Partial<RenderConfig> = {},
    dir = folder(),
  ) {
    this.dir = dir;
    this.source = new FakeSource(...templates);
    const log = createLog('debug', { write: (line: string) => void this.logged.push(JSON.parse(line)) });
    this.runner = new Runner({
      config: config(dir, { templates: specs(dir), ...change }),
      source: this.source,
      applied: openAppliedStore(join(dir, 'data'), () => {}),
      log,
      counts: this.counts,
      environment: () => ({ PATH: process.env.PATH }),
      print: (text) => void this.printed.push(text),
      isTerminal: false,
      onAllRendered: () => void this.told.allRendered++,
      onWritten: () => void this.told.written++,
    });
    running.push(this.runner);
  }

  /** New data, which is told as the watches tell it. */
  set(values: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(values)) this.source.data.set(name, value);
    this.runner.changed(new Set(Object.keys(values)));
  }

  read(name: string): string | null {
    const path = join(this.dir, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  }

  lines(name: string): readonly string[] {
    return (this.read(name) ?? '').split('\n').slice(0, -1);
  }

  messages(message: string): readonly Record<string, unknown>[] {
    return this.logged.filter(({ msg }) => msg === message);
  }
}

/** Notes the content of a file in a journal, then fails while the file `broken` exists. */
export function reload(dir: string, name = 'a', journal = 'journal'): CommandSpec {
  return shell(
    `cat ${join(dir, name)} >> ${join(dir, journal)}; echo >> ${join(dir, journal)}; test ! -e ${join(dir, 'broken')}`,
  );
}

export function breakReload(dir: string): void {
  appendFileSync(join(dir, 'broken'), '');
}
