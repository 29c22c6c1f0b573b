import type { Renderer, Rendering, RenderSource } from '../../../src/render/renderer.ts';

/**
 * A template language of one construct: `@{name}` is the value of a dependency; the value `!why` makes the template
 * fail. Data is a map that tests change.
 */
export class FakeSource implements RenderSource {
  readonly data = new Map<string, string>();
  readonly instances = new Map<string, number>();
  readonly evaluations: string[] = [];
  retained: ReadonlySet<string> | null = null;
  renderers: readonly Renderer[] = [];
  isClosed = false;

  constructor(...templates: string[]) {
    this.renderers = templates.map((template) => ({ render: () => this.#render(template) }));
  }

  #render(template: string): Rendering {
    this.evaluations.push(template);
    const used = new Set([...template.matchAll(/@\{(\w+)\}/g)].map(([, name]) => name!));
    const missing = new Set([...used].filter((name) => !this.data.has(name)));
    if (missing.size > 0) return { kind: 'missing', missing, used };
    const text = template.replaceAll(/@\{(\w+)\}/g, (_, name: string) => this.data.get(name)!);
    return text.includes('!') ? { kind: 'failed', error: text } : { kind: 'rendered', text, used };
  }

  countInstances(service: string): number | null {
    return this.instances.get(service) ?? null;
  }

  consulAgeMs(): null {
    return null;
  }

  retain(used: ReadonlySet<string>): void {
    this.retained = used;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}
