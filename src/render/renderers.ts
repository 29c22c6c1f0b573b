import { hash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { DependencyReader } from './dependencies/dependencies.ts';
import type { Query } from './dependencies/query.ts';
import { type Functions, functionsWithout, type ParseSource, parseWithHints } from './parse.ts';
import type { DataUser, Renderer, Rendering } from './renderer.ts';
import { RunWorld } from './run-world.ts';
import { TemplateError } from './template/errors.ts';
import { executeTemplate } from './template/execute.ts';
import type { Limits } from './template/limits.ts';
import type { Template } from './template/nodes.ts';

/** What is to be rendered, and how. */
export interface TemplateSpec extends ParseSource {
  /** `error_on_missing_key`: a missing key of a map is an error rather than nothing. */
  readonly errorOnMissingKey: boolean;
  /** `sandbox_path`; null lets `file` read anything. */
  readonly sandboxPath: string | null;
  /** `function_denylist`: names, or patterns such as `sprig_*`. */
  readonly functionDenylist: readonly string[];
}

export interface RendererOptions {
  /** A variable of the environment as templates see it. */
  readonly environment: (name: string) => string | undefined;
  /** Whether `plugin` and `writeToFile` do anything; not when nothing is to be changed. */
  readonly performsEffects: boolean;
  /** Something odd in a template or in what it was given; said once for each template. */
  readonly onWarning: (template: string, message: string) => void;
  readonly now?: () => Date;
  /** Of one evaluation; those of the interpreter unless given. */
  readonly limits?: Partial<Limits>;
}

/** One renderer for each template, in their order. A template that cannot be read throws its TemplateError. */
export function createRenderers(
  templates: readonly TemplateSpec[],
  dependencies: DependencyReader,
  options: RendererOptions,
): readonly Renderer[] {
  return templates.map((spec) => new TemplateRenderer(spec, dependencies, options));
}

class TemplateRenderer implements Renderer {
  readonly #spec: TemplateSpec;
  #dependencies: DependencyReader;
  readonly #performsEffects: boolean;
  readonly #limits: Partial<Limits>;
  readonly #warn: (message: string) => void;
  readonly #world: RunWorld;
  readonly #functions: Functions;
  readonly #template: Template;

  constructor(spec: TemplateSpec, dependencies: DependencyReader, options: RendererOptions) {
    const { environment, limits = {}, now = () => new Date(), onWarning, performsEffects } = options;
    this.#spec = spec;
    this.#dependencies = dependencies;
    this.#performsEffects = performsEffects;
    this.#limits = limits;
    this.#warn = (message) => onWarning(spec.name, message);
    this.#world = new RunWorld({
      dependencies: { recall: (query) => this.#dependencies.recall(query) },
      environment,
      now,
      sandboxPath: spec.sandboxPath,
      warn: this.#warn,
    });
    this.#functions = functionsWithout(this.#world, spec.functionDenylist);
    this.#template = parseWithHints(spec, this.#functions);
  }

  get dataUser(): DataUser {
    const { text, leftDelimiter, rightDelimiter } = this.#spec;
    return {
      id: hash('sha256', JSON.stringify([leftDelimiter, rightDelimiter, text])).slice(0, 32),
      readThrough: (wrap) => {
        const through = wrap(this.#dependencies);
        this.#dependencies = through;
        return through;
      },
    };
  }

  /**
   * Evaluates the template with what is known, and sees to it that what it has asked for is watched. While answers
   * are missing, its errors mean nothing: they come from the gaps more often than not.
   */
  render(): Rendering {
    const first = this.#run(false);
    if (!this.#world.wantsPerforming || first.kind !== 'rendered' || !this.#performsEffects) return first;
    return this.#run(true);
  }

  #run(isPerforming: boolean): Rendering {
    const world = this.#world;
    world.begin(isPerforming);
    let text = '';
    let failure: TemplateError | null = null;
    try {
      text = executeTemplate(this.#template, {
        functions: this.#functions,
        missingKey: this.#spec.errorOnMissingKey ? 'error' : 'zero',
        limits: this.#limits,
        now: () => performance.now(),
      });
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      failure = error;
    }
    this.#watch(world.used, failure !== null);
    const used = new Set(world.used.keys());
    if (failure !== null && (failure.phase === 'limit' || world.missing.size === 0))
      return { kind: 'failed', error: failure.message };
    if (world.missing.size > 0) return { kind: 'missing', missing: new Set(world.missing), used };
    return { kind: 'rendered', text, used };
  }

  #watched: ReadonlyMap<string, Query> = new Map();

  /** A run that was cut short has not asked for all it needs: then nothing is let go. */
  #watch(used: ReadonlyMap<string, Query>, isCutShort: boolean): void {
    this.#watched = isCutShort ? new Map([...this.#watched, ...used]) : used;
    this.#dependencies.use(this, this.#watched);
  }
}
