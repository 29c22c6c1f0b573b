import type { ConsulConfig } from '../config/config.ts';
import type { Log } from '../control/providers/fault-log.ts';
import { type ConfdResource, createConfdRenderers } from './confd/renderers.ts';
import type { StartCatalogSource } from './dependencies/catalog-source.ts';
import { Dependencies } from './dependencies/dependencies.ts';
import type { Renderer, RenderSource } from './renderer.ts';
import { createRenderers, type TemplateSpec } from './renderers.ts';

/** One file to be rendered, in one of the two languages. */
export type RenderPart =
  | { readonly kind: 'consul-template'; readonly spec: TemplateSpec }
  | { readonly kind: 'confd'; readonly resource: ConfdResource };

export interface RenderSourceOptions {
  readonly consul: ConsulConfig;
  /** Where confd's resources of the Redis backend have their keys. */
  readonly redisUrl: string | null;
  /** Failures in a row after which `onGaveUp` is told; null goes on for ever, which is what people want. */
  readonly attempts: number | null;
  readonly onGaveUp: (reason: string) => void;
  /** Services whose instances will be counted, whether a template names them or not. */
  readonly counted: Iterable<string>;
  /** Whether functions such as `plugin` may do anything. */
  readonly performsEffects: boolean;
  readonly environment: (name: string) => string | undefined;
  readonly log: Log;
  /** Counts faults by kind. */
  readonly onError: (kind: string) => void;
  /** Data of these queries arrived or changed. */
  readonly onChange: (ids: ReadonlySet<string>) => void;
  readonly catalog?: StartCatalogSource;
}

/** Renderers in the order of their parts, over one set of watches. A template that cannot be read throws its error. */
export function createRenderSource(parts: readonly RenderPart[], options: RenderSourceOptions): RenderSource {
  const { catalog, consul, environment, log, performsEffects } = options;
  const dependencies = new Dependencies({ ...options, config: consul, ...(catalog && { catalog }) });
  const onWarning = (template: string, message: string): void =>
    log.warn({ template }, `odd in a template: ${message}`);
  const rendererOf = (part: RenderPart): Renderer | undefined =>
    part.kind === 'confd'
      ? createConfdRenderers([part.resource], dependencies, { environment })[0]
      : createRenderers([part.spec], dependencies, { environment, performsEffects, onWarning })[0];
  let renderers: readonly Renderer[];
  try {
    renderers = parts.map((part) => rendererOf(part)!);
  } catch (error) {
    void dependencies.close();
    throw error;
  }
  dependencies.count(options.counted);
  return {
    renderers,
    countInstances: (service) => dependencies.countInstances(service),
    consulAgeMs: () => dependencies.consulAgeMs(),
    // Each evaluation says itself what it needs, and lets go of the rest.
    retain() {},
    close: () => dependencies.close(),
  };
}
