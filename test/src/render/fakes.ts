import type { DependencyReader } from '../../../src/render/dependencies/dependencies.ts';
import type { Query } from '../../../src/render/dependencies/query.ts';
import type { Renderer, Rendering } from '../../../src/render/renderer.ts';
import { createRenderers, type RendererOptions, type TemplateSpec } from '../../../src/render/renderers.ts';
import type { Value } from '../../../src/render/template/values.ts';

/** Dependencies whose answers a test gives, by id. */
export class FakeDependencies implements DependencyReader {
  readonly answers = new Map<string, Value>();
  /** Answers for what is asked for otherwise. */
  otherwise: (query: Query) => Value = () => undefined;
  /** What was asked for last. */
  used: readonly string[] = [];

  recall(query: Query): Value {
    return this.answers.has(query.id) ? this.answers.get(query.id) : this.otherwise(query);
  }

  use(_owner: object, queries: ReadonlyMap<string, Query>): void {
    this.used = [...queries.keys()];
  }
}

export interface RenderOptions extends Partial<Omit<TemplateSpec, 'text'>>, Partial<RendererOptions> {
  readonly dependencies?: DependencyReader;
}

/** 14 Nov 2023, 22:13:20. */
export const NOW = new Date(1_700_000_000_000);

export function rendererOf(text: string, options: RenderOptions = {}): Renderer {
  const { dependencies = new FakeDependencies(), ...rest } = options;
  const spec: TemplateSpec = {
    text,
    name: '',
    leftDelimiter: '{{',
    rightDelimiter: '}}',
    errorOnMissingKey: false,
    sandboxPath: null,
    functionDenylist: [],
    ...rest,
  };
  const given: RendererOptions = {
    environment: () => undefined,
    performsEffects: false,
    onWarning() {},
    now: () => NOW,
    ...rest,
  };
  return createRenderers([spec], dependencies, given)[0]!;
}

export function rendering(text: string, options: RenderOptions = {}): Rendering {
  return rendererOf(text, options).render();
}

/** The text, or what is wrong as a text that no template gives. */
export function rendered(text: string, options: RenderOptions = {}): string {
  const result = rendering(text, options);
  if (result.kind === 'rendered') return result.text;
  return result.kind === 'missing' ? `missing ${[...result.missing].join(' ')}` : `failed: ${result.error}`;
}

/** Why a template fails, without where. */
export function failure(text: string, options: RenderOptions = {}): string {
  let message: string;
  try {
    message = rendered(text, options);
  } catch (error) {
    message = (error as Error).message;
  }
  return message
    .replace(/^failed: /, '')
    .replace(/^template: :1:\d+: executing "" at <.*?>: /s, '')
    .replace(/^template: /, '');
}
