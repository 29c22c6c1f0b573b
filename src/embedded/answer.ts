/** A finished answer, before any fault bends it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
}

export const json = (
  value: unknown,
  pretty: boolean,
  headers: Readonly<Record<string, string>> = {},
): Answer => ({
  status: 200,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: pretty ? `${JSON.stringify(value, null, 4)}\n` : JSON.stringify(value),
});

export const text = (
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Answer => ({
  status,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers },
  body,
});

/** What Consul's agent answers to most writes. */
export const done: Answer = { status: 200, headers: {}, body: '' };
