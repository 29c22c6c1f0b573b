import { explainRead, readText } from '../config/files.ts';
import type { RenderConfig, TemplateSpec } from './config/model.ts';
import { createRenderSource, type RenderPart } from './render-source.ts';
import type { CreateRenderers } from './renderer.ts';

/** Reads the templates of a configuration and binds them to what they ask Consul and Redis for. */
export const createSource: CreateRenderers = async (config, { log, env, changed, gaveUp }) =>
  createRenderSource(config.templates.map(partOf), {
    consul: config.consul,
    redisUrl: redisUrlOf(config, env),
    attempts: config.retry.attempts,
    onGaveUp: gaveUp,
    counted: [config, ...config.templates].flatMap(({ minInstances }) => [...minInstances.keys()]),
    performsEffects: !config.dry,
    environment: (name) => env[name],
    log,
    // The views and counters tell of templates; the watches tell their own troubles in the log.
    onError: () => {},
    onChange: changed,
  });

function partOf(spec: TemplateSpec): RenderPart {
  const { language, name } = spec;
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
      throw new Error(`${at}: the built-in target ${source.name} is not served by this version`);
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
