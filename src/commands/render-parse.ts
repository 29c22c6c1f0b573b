import { createLog } from '../control/log.ts';
import type { RenderConfig, TemplateSpec } from '../render/config/model.ts';
import { renderExit } from '../render/exit-codes.ts';
import type { CreateRenderers } from '../render/renderer.ts';
import { TemplateError } from '../render/template/errors.ts';
import { complain } from './terminal.ts';

/**
 * `-parse-only`: tells the first thing that is wrong with each template; nothing is asked for and nothing written.
 * Resolves with the exit code.
 */
export async function parseTemplates(
  config: RenderConfig,
  createRenderers: CreateRenderers,
): Promise<number> {
  const context = { log: createLog('error'), env: process.env, changed() {}, consulFailed() {}, gaveUp() {} };
  const none: RenderConfig['minInstances'] = new Map();
  let code: number = renderExit.ok;
  for (const template of config.templates) {
    const alone = { ...config, minInstances: none, templates: [{ ...template, minInstances: none }] };
    try {
      const source = await createRenderers(alone, context);
      await source.close();
    } catch (error) {
      complain(`fairlead: ${explain(error, template)}`);
      code = renderExit.runner;
    }
  }
  return code;
}

function explain(error: unknown, { source, at }: TemplateSpec): string {
  if (!(error instanceof TemplateError)) return (error as Error).message;
  const place = source.kind === 'file' ? `${source.path}:${error.line}` : `${at}: line ${error.line} of it`;
  return `${place}: ${error.reason}`;
}
