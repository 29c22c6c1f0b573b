import type { Log } from '../../control/log.ts';
import type { LiveOutput, Renderer, Rendering } from '../renderer.ts';
import type { BuiltinFile, Shortfall } from './model.ts';

/** What built-in targets depend on, as templates depend on queries. */
export const BUILTIN_ID = 'builtin';

export interface TargetState {
  /** Changes with anything that is rendered. */
  readonly version: number;
  /** What has no first answer yet. */
  missing(): ReadonlySet<string>;
}

type Made<File> = { readonly ok: true; readonly file: File } | { readonly ok: false; readonly error: string };

/** More of them in one line help nobody; the file has them all. */
const MAX_TOLD = 20;

/** One built-in target: the state of the router as a file, made once for each version of that state. */
export class TargetRenderer<File extends BuiltinFile> implements Renderer {
  readonly live?: LiveOutput;
  readonly #name: string;
  readonly #state: TargetState;
  readonly #make: () => File;
  readonly #log: Log;
  #made: { readonly version: number; readonly result: Made<File> } | null = null;
  #rendered: File | null = null;
  #told = '';

  constructor(
    name: string,
    state: TargetState,
    make: () => File,
    log: Log,
    liveOf?: (target: TargetRenderer<File>) => LiveOutput,
  ) {
    this.#name = name;
    this.#state = state;
    this.#make = make;
    this.#log = log;
    if (liveOf !== undefined) this.live = liveOf(this);
  }

  render(): Rendering {
    const used = new Set([BUILTIN_ID]);
    const missing = this.#state.missing();
    if (missing.size > 0) return { kind: 'missing', missing, used };
    const made = this.#latest();
    if (!made.ok) return { kind: 'failed', error: `built-in target ${this.#name}: ${made.error}` };
    const { file } = made;
    this.#rendered = file;
    this.#tell(file.shortfalls);
    return { kind: 'rendered', text: file.text, used };
  }

  /** What `render` would give now; null when it cannot be made. */
  latest(): File | null {
    const made = this.#latest();
    return made.ok ? made.file : null;
  }

  #latest(): Made<File> {
    const { version } = this.#state;
    if (this.#made?.version !== version) this.#made = { version, result: attempt(this.#make) };
    return this.#made.result;
  }

  /** What `render` gave last, if it is this text. */
  rendered(text: string): File | null {
    return this.#rendered?.text === text ? this.#rendered : null;
  }

  #tell(shortfalls: readonly Shortfall[]): void {
    const key = JSON.stringify(shortfalls);
    if (key === this.#told) return;
    this.#told = key;
    const told = { target: this.#name, count: shortfalls.length, first: shortfalls.slice(0, MAX_TOLD) };
    if (shortfalls.length > 0) this.#log.warn(told, 'not everything is as in the router');
  }
}

function attempt<File>(make: () => File): Made<File> {
  try {
    return { ok: true, file: make() };
  } catch (error) {
    return { ok: false, error: (error as Error).message };
  }
}
