import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { type EmbeddedRegistry, startRegistry } from '../../../src/embedded/registry.ts';
import type { RenderConfig } from '../../../src/render/config/model.ts';
import { createSource } from '../../../src/render/create-source.ts';
import type { CreateRenderers } from '../../../src/render/renderer.ts';
import { RenderSession } from '../../../src/render/session.ts';
import type { RenderView } from '../../../src/render/views.ts';
import { folder, load } from './loading.ts';

const open: Live[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((live) => live.close()));
});

/** What `fairlead render` does between its start and its end, in this process, against a Consul of its own. */
export class Live {
  readonly dir: string;
  readonly registry: EmbeddedRegistry;
  readonly #sessions: RenderSession[] = [];

  private constructor(dir: string, registry: EmbeddedRegistry) {
    this.dir = dir;
    this.registry = registry;
  }

  static async create(files: Readonly<Record<string, string>> = {}): Promise<Live> {
    const live = new Live(folder(files), await startRegistry());
    open.push(live);
    return live;
  }

  /** Starts a session; its exit code is `ended`. */
  async start(
    args: readonly string[],
    createRenderers: CreateRenderers = createSource,
    change: Partial<RenderConfig> = {},
  ): Promise<RenderSession> {
    const given = ['-consul-addr', new URL(this.registry.url).host, '-data', 'state', '-log-level', 'err'];
    const loaded = load({ args: [...given, ...args], cwd: this.dir });
    if (loaded.kind !== 'config') throw new Error(JSON.stringify(loaded));
    const config = { ...loaded.config, ...change };
    const session = new RenderSession(config, {
      createRenderers,
      env: { PATH: process.env.PATH },
      print: () => {},
      isTerminal: false,
    });
    this.#sessions.push(session);
    await session.start(config);
    return session;
  }

  /** The latest session, also one that is still starting. */
  started(): RenderSession {
    return this.#sessions.at(-1)!;
  }

  service(name: string, port: number, extra: Readonly<Record<string, unknown>> = {}): void {
    this.registry.register({ Name: name, ID: `${name}-${port}`, Address: '10.0.0.1', Port: port, ...extra });
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.dir, name), text);
  }

  read(name: string): string | null {
    const path = join(this.dir, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  }

  /** What changes when a file is touched in any way. */
  identity(name: string): object {
    const { ino, mtimeMs, ctimeMs } = statSync(join(this.dir, name));
    return { ino, mtimeMs, ctimeMs };
  }

  async close(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.stop(0)));
    await this.registry.close();
  }
}

export function viewOf(session: RenderSession, index = 0): RenderView {
  const view = session.views()[index];
  if (view === undefined) throw new Error(`no view ${index}`);
  return view;
}
