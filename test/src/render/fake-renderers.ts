import { existsSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { CreateRenderers } from '../../../src/render/renderer.ts';
import { FakeSource } from './fake-source.ts';

/** `@{name}` is the content of the file `name` in a folder, which is watched; `{{` cannot be parsed. */
export function createFakeRenderers(folder: string): CreateRenderers {
  return async ({ templates }, { changed }) => {
    const texts = templates.map(({ source }) => {
      if (source.kind === 'file') return readFileSync(source.path, 'utf8');
      return source.kind === 'contents' ? source.text : source.name;
    });
    if (texts.some((text) => text.includes('{{'))) throw new Error('template: {{ is not closed');
    const source = new FakeSource(...texts);
    const read = (): void => {
      for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        if (name.startsWith('.') || !existsSync(path)) continue;
        const value = readFileSync(path, 'utf8');
        if (source.data.get(name) === value) continue;
        source.data.set(name, value);
        changed(new Set([name]));
      }
    };
    const watcher = watch(folder, read);
    read();
    const close = source.close.bind(source);
    source.close = async () => {
      watcher.close();
      await close();
    };
    return source;
  };
}
