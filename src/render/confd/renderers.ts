import { performance } from 'node:perf_hooks';
import type { DependencyReader } from '../dependencies/dependencies.ts';
import type { Query } from '../dependencies/query.ts';
import { cleanPath } from '../functions/paths.ts';
import type { Renderer, Rendering } from '../renderer.ts';
import { TemplateError } from '../template/errors.ts';
import { executeTemplate } from '../template/execute.ts';
import type { Template } from '../template/nodes.ts';
import { parseTemplate } from '../template/parser.ts';
import { Dict, List, type Pointer, type Struct, type Value } from '../template/values.ts';
import { confdFunctions } from './functions.ts';
import type { ConfdKeys } from './store.ts';

/** One of confd's template resources. */
export interface ConfdResource {
  /** Of the template's file, as errors name it. */
  readonly name: string;
  readonly text: string;
  readonly backend: 'consul' | 'redis';
  readonly prefix: string;
  readonly keys: readonly string[];
}

export interface ConfdOptions {
  readonly environment: (name: string) => string | undefined;
  readonly now?: () => Date;
}

/** One renderer for each resource, in their order. A template that cannot be read throws its TemplateError. */
export function createConfdRenderers(
  resources: readonly ConfdResource[],
  dependencies: DependencyReader,
  options: ConfdOptions,
): readonly Renderer[] {
  return resources.map((resource) => new ConfdRenderer(resource, dependencies, options));
}

class ConfdRenderer implements Renderer {
  readonly #dependencies: DependencyReader;
  readonly #prefix: string;
  readonly #queries: readonly Query[];
  readonly #functions: ReturnType<typeof confdFunctions>;
  readonly #template: Template;
  #used = new Map<string, Query>();
  #missing = new Set<string>();
  #keys: ConfdKeys = new Map();

  constructor(resource: ConfdResource, dependencies: DependencyReader, options: ConfdOptions) {
    const { environment, now = () => new Date() } = options;
    this.#dependencies = dependencies;
    this.#prefix = cleanPath(`/${resource.prefix}`);
    this.#queries = resource.keys.map((key) =>
      queryFor(resource.backend, cleanPath(`${this.#prefix}/${key}`)),
    );
    const ask = (query: Query): Value => this.#ask(query);
    this.#functions = confdFunctions({ keys: () => this.#keys, ask, environment, now });
    this.#template = parseTemplate(resource.text, { name: resource.name, functions: this.#functions });
  }

  render(): Rendering {
    this.#used = new Map();
    this.#missing = new Set();
    this.#keys = this.#readKeys();
    let text = '';
    let failure: TemplateError | null = null;
    // Nothing is evaluated before all keys are there: `getv` of one that is not yet known would be an error.
    if (this.#missing.size === 0) {
      try {
        text = executeTemplate(this.#template, { functions: this.#functions, now: () => performance.now() });
      } catch (error) {
        if (!(error instanceof TemplateError)) throw error;
        failure = error;
      }
    }
    this.#dependencies.use(this, this.#used);
    if (failure !== null && (failure.phase === 'limit' || this.#missing.size === 0))
      return { kind: 'failed', error: failure.message };
    const used = new Set(this.#used.keys());
    if (this.#missing.size > 0) return { kind: 'missing', missing: new Set(this.#missing), used };
    return { kind: 'rendered', text, used };
  }

  #ask(query: Query): Value {
    this.#used.set(query.id, query);
    const answer = this.#dependencies.recall(query);
    if (answer === undefined) this.#missing.add(query.id);
    return answer;
  }

  #readKeys(): ConfdKeys {
    const keys = new Map<string, string>();
    for (const query of this.#queries) {
      for (const [path, value] of entriesOf(this.#ask(query))) {
        const rest = path.startsWith(this.#prefix) ? path.slice(this.#prefix.length) : path;
        keys.set(cleanPath(`/${rest}`), value);
      }
    }
    return keys;
  }
}

function queryFor(backend: ConfdResource['backend'], path: string): Query {
  if (backend === 'redis') return { kind: 'redis', id: `redis(${path})`, key: path };
  const prefix = path.replace(/^\//, '');
  const scope = { datacenter: '', partition: '', namespace: '', peer: '', samenessGroup: '' };
  return { kind: 'keys', id: `kv.list(${prefix})`, prefix, scope };
}

/** Keys with a leading slash; folders of Consul's are none. */
function* entriesOf(answer: Value): Generator<readonly [string, string]> {
  if (answer instanceof Dict) yield* answer.entries as Map<string, string>;
  if (!(answer instanceof List)) return;
  for (const item of answer.items) {
    const { type, values } = (item as Pointer).to as Struct;
    const path = values[type.fieldIndex.get('Path')!] as string;
    if (!path.endsWith('/')) yield [`/${path}`, values[type.fieldIndex.get('Value')!] as string];
  }
}
