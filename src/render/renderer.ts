import type { Log } from '../control/log.ts';
import type { RenderConfig } from './config/model.ts';
import type { DependencyReader } from './dependencies/dependencies.ts';

/** What one evaluation of a template came to. Dependencies go by their canonical IDs, `health.service(web|passing)`. */
export type Rendering =
  | { readonly kind: 'rendered'; readonly text: string; readonly used: ReadonlySet<string> }
  /** Some of what it used has no first answer yet; the text would be wrong. */
  | { readonly kind: 'missing'; readonly missing: ReadonlySet<string>; readonly used: ReadonlySet<string> }
  /** Everything was there and the template still cannot be evaluated. */
  | { readonly kind: 'failed'; readonly error: string };

/** A parsed template with its data: evaluation is synchronous, its data are reads of a cache. */
export interface Renderer {
  render(): Rendering;
  /** Where its data can come from elsewhere than from watches of this process. */
  readonly dataUser?: DataUser;
  /** Where the text is the configuration of a server that can be changed while it runs. */
  readonly live?: LiveOutput;
}

/** A running server that can be brought to a rendered text without its command, as far as the change allows. */
export interface LiveOutput {
  /** Whether what would be rendered now is likely to need no command, and so need not wait until the next may run. */
  sparesCommand(): boolean;
  /** The text is in its place. */
  apply(text: string): Promise<'spared' | 'needs_command' | 'socket_failed'>;
  /** Its commands have succeeded: the server runs this text, or will in a moment. */
  adopt(text: string): void;
  /** The text was in its place already. At the start this is taken for what the server runs. */
  found(text: string): void;
  /** Its commands have failed: nobody knows what the server runs. */
  lose(): void;
}

export interface DataUser {
  /** The same for renderers that ask the same of the same data, on whichever machine. */
  readonly id: string;
  /** Puts something between the template and its data, before it is first evaluated. @returns what was put there */
  readThrough<T extends DependencyReader>(wrap: (inner: DependencyReader) => T): T;
}

/** All renderers of one configuration, and the watches behind them. */
export interface RenderSource {
  /** One for each template, in the order of the configuration. */
  readonly renderers: readonly Renderer[];
  /** Instances of a service that would be rendered; null while that is unknown. Asked for `min_instances`. */
  countInstances(service: string): number | null;
  /** Since Consul last answered, or was first asked while it never has; null where nothing is asked of it. */
  consulAgeMs(): number | null;
  /** After an evaluation of everything: what is not among these is no longer watched. */
  retain(used: ReadonlySet<string>): void;
  close(): Promise<void>;
}

export interface RendererContext {
  readonly log: Log;
  /** What the function `env` sees. */
  readonly env: NodeJS.ProcessEnv;
  /** Data of these dependencies arrived or changed. May be called at any time, from the first moment on. */
  readonly changed: (ids: ReadonlySet<string>) => void;
  /** A read of Consul has failed, by kind of fault. */
  readonly consulFailed: (kind: string) => void;
  /** A watch gave up after the number of attempts that the configuration allows: the process ends. */
  readonly gaveUp: (reason: string) => void;
}

/**
 * Parses the templates of a configuration and begins to watch what its `min_instances` name; rejects with a message
 * for people when a template cannot be parsed. Called again for every reload, beside the one in use.
 */
export type CreateRenderers = (config: RenderConfig, context: RendererContext) => Promise<RenderSource>;
