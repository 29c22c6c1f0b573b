import { parseDuration } from './duration.ts';
import { ApiError } from './errors.ts';

const refuse = (message: string): never => {
  throw new ApiError(400, `Request decode failed: ${message}`);
};

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;

/** As Go's decoder does, names match whatever their case; `service_id` is taken for `ServiceID`. */
const normalized = (name: string): string => name.toLowerCase().replaceAll('_', '');

/** Reads the fields of a JSON object from outside: every field is optional, a wrong kind is a 400. */
export class Fields {
  readonly #values = new Map<string, unknown>();

  constructor(value: unknown) {
    const object = value ?? {};
    if (kindOf(object) !== 'object')
      refuse(`json: cannot unmarshal ${kindOf(object)} into Go value of type object`);
    for (const [name, field] of Object.entries(object)) this.#values.set(normalized(name), field);
  }

  has(name: string): boolean {
    return (this.#values.get(normalized(name)) ?? null) !== null;
  }

  text(name: string): string {
    return this.#scalar(name, 'string', '');
  }

  integer(name: string): number {
    const value: number = this.#scalar(name, 'number', 0);
    return Number.isSafeInteger(value) ? value : this.#mismatch(name, `number ${value}`, 'int');
  }

  flag(name: string): boolean {
    return this.#scalar(name, 'boolean', false);
  }

  /** Milliseconds. */
  duration(name: string): number {
    const value = this.#values.get(normalized(name)) ?? 0;
    if (typeof value === 'number') return value / 1e6;
    if (typeof value !== 'string') return this.#mismatch(name, kindOf(value), 'time.Duration');
    if (value === '') return 0;
    return parseDuration(value) ?? refuse(`time: invalid duration "${value}"`);
  }

  list(name: string): readonly unknown[] {
    const value = this.#values.get(normalized(name)) ?? [];
    return Array.isArray(value) ? value : this.#mismatch(name, kindOf(value), '[]');
  }

  texts(name: string): readonly string[] {
    const list = this.list(name);
    if (!list.every((item) => typeof item === 'string')) this.#mismatch(name, 'value', 'string');
    return list as readonly string[];
  }

  /** The object under this name, or an empty one. */
  object(name: string): Fields {
    return new Fields(this.#values.get(normalized(name)) ?? {});
  }

  objects(name: string): readonly Fields[] {
    return this.list(name).map((item) => new Fields(item));
  }

  /** An object of texts, its keys untouched; null when absent. */
  map(name: string): Readonly<Record<string, string>> | null {
    const value = this.#values.get(normalized(name)) ?? null;
    if (value === null) return null;
    if (kindOf(value) !== 'object') this.#mismatch(name, kindOf(value), 'map[string]string');
    if (!Object.values(value).every((item) => typeof item === 'string'))
      this.#mismatch(name, 'value', 'string');
    return value as Readonly<Record<string, string>>;
  }

  /** An object of lists of texts, as headers are written; a single text counts as a list of one. */
  lists(name: string): Readonly<Record<string, readonly string[]>> {
    const value = this.#values.get(normalized(name)) ?? {};
    if (kindOf(value) !== 'object') this.#mismatch(name, kindOf(value), 'map[string][]string');
    const lists: Record<string, readonly string[]> = {};
    for (const [key, item] of Object.entries(value)) {
      lists[key] = new Fields({ [key]: typeof item === 'string' ? [item] : item }).texts(key);
    }
    return lists;
  }

  #scalar<T>(name: string, kind: 'string' | 'number' | 'boolean', absent: T): T {
    const value = this.#values.get(normalized(name)) ?? absent;
    const goKind = kind === 'number' ? 'int' : kind === 'boolean' ? 'bool' : kind;
    return typeof value === kind ? (value as T) : this.#mismatch(name, kindOf(value), goKind);
  }

  #mismatch(name: string, found: string, wanted: string): never {
    return refuse(`json: cannot unmarshal ${found} into Go struct field .${name} of type ${wanted}`);
  }
}

/** Parses a request body; an empty one is refused as Go's decoder does, unless it may be absent. */
export function parseBody(body: Buffer, whenEmpty: 'refuse' | 'allow' = 'refuse'): Fields {
  if (body.length === 0) return whenEmpty === 'allow' ? new Fields({}) : refuse('EOF');
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    refuse(error instanceof Error ? error.message : 'invalid JSON');
  }
  return new Fields(value);
}
