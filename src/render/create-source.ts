import { explainRead, readText } from '../config/files.ts';
import type { BuiltinSource } from './builtin/source.ts';
import type { RenderConfig, TemplateSpec } from './config/model.ts';
import { createRenderSource, type RenderPart } from './render-source.ts';
import type { CreateRenderers, Renderer, RendererContext, RenderSource } from './renderer.ts';

/** Reads the templates of a configuration and binds them to what they ask Consul and Redis for; built-in targets likewise. */
export const createSource: CreateRenderers = async (config, context) => {
  const parts = config.templates.flatMap((spec) => (spec.source.kind === 'builtin' ? [] : [partOf(spec)]));
  const counted = [config, ...config.templates].flatMap(({ minInstances }) => [...minInstances.keys()]);
  if (config.router === null) return templatesOf(config, parts, counted, context);
  // Only here: templates have no use for a router's table.
  const { createBuiltinSource } = await import('./builtin/source.ts');
  const { router, haproxySocket, templates } = config;
  // Consul's agent counts the connections of both together.
  const share = parts.length === 0 ? 1 : 0.5;
  const consul = {
    ...config.consul,
    connections: Math.max(1, Math.floor(config.consul.connections * share)),
  };
  // What is counted is counted where it is rendered from.
  const source = templatesOf({ ...config, consul }, parts, parts.length === 0 ? [] : counted, context);
  const { attempts } = config.retry;
  const builtin = createBuiltinSource({ router, consul, haproxySocket, counted, attempts }, context);
  return together(templates, source, builtin, parts.length > 0);
};

function templatesOf(
  config: RenderConfig,
  parts: readonly RenderPart[],
  counted: readonly string[],
  { log, env, changed, consulFailed, gaveUp }: RendererContext,
): RenderSource {
  return createRenderSource(parts, {
    consul: config.consul,
    redisUrl: redisUrlOf(config, env),
    attempts: config.retry.attempts,
    onGaveUp: gaveUp,
    counted,
    performsEffects: !config.dry,
    environment: (name) => env[name],
    log,
    onError: consulFailed,
    onChange: changed,
  });
}

/** Renderers of both kinds in the order of the configuration. */
function together(
  specs: readonly TemplateSpec[],
  templates: RenderSource,
  builtin: BuiltinSource,
  hasTemplates: boolean,
): RenderSource {
  const others = templates.renderers.values();
  const renderers = specs.map(
    ({ source }): Renderer =>
      source.kind === 'builtin' ? builtin.renderer(source.name) : others.next().value!,
  );
  return {
    renderers,
    // Either may have heard of a loss first.
    countInstances(service) {
      const counts = [
        builtin.countInstances(service),
        ...(hasTemplates ? [templates.countInstances(service)] : []),
      ];
      const known = counts.filter((count) => count !== null);
      return known.length < counts.length ? null : Math.min(...known);
    },
    // The older of both.
    consulAgeMs: () => Math.max(builtin.consulAgeMs(), templates.consulAgeMs() ?? 0),
    retain: (used) => templates.retain(used),
    async close() {
      await Promise.all([templates.close(), builtin.close()]);
    },
  };
}

function partOf(spec: TemplateSpec): RenderPart {
  const { language, source } = spec;
  // Errors give a place in it: nothing but the file's name stands before the line.
  const name = source.kind === 'file' ? source.path : spec.name;
  const text = textOf(spec);
  if (language.kind === 'consul-template')
    return { kind: 'consul-template', spec: { ...language, name, text } };
  const { prefix, keys, backend } = language;
  return { kind: 'confd', resource: { name, text, prefix, keys, backend: backend.kind } };
}

function textOf({ source, at }: TemplateSpec): string {
  switch (source.kind) {
    case 'contents':
      return source.text;
    case 'builtin':
      throw new Error(`${at}: a built-in target has no text`);
    case 'file':
      try {
        return readText(source.path);
      } catch (error) {
        throw new Error(`${at}: cannot read ${source.path}: ${explainRead(error)}`);
      }
  }
}

/** Where confd's resources of the Redis backend have their keys: the first node that one names, else `REDIS_URL`. */
function redisUrlOf({ templates }: RenderConfig, env: NodeJS.ProcessEnv): string | null {
  for (const { language } of templates) {
    if (language.kind !== 'confd' || language.backend.kind !== 'redis') continue;
    const node = language.backend.nodes[0];
    if (node !== undefined) return node.includes('://') ? node : `redis://${node}`;
  }
  return env.REDIS_URL ?? null;
}
