import { connect } from 'node:net';

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** HAProxy reads a line of at most `tune.bufsize`, 16 KiB unless told. */
const MAX_COMMAND_BYTES = 8 * 1024;

/** The runtime socket did not do what was asked. */
class RuntimeSocketError extends Error {
  readonly code: 'UNREACHABLE' | 'TIMEOUT' | 'TOO_LARGE';

  constructor(code: RuntimeSocketError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** HAProxy's runtime socket (management guide, 9.3). Each call is a connection of its own: that is how HAProxy means it. */
export class RuntimeSocket {
  readonly #path: string;
  readonly #timeoutMs: number;

  constructor(path: string, timeoutMs = 2000) {
    this.#path = path;
    this.#timeoutMs = timeoutMs;
  }

  /** Sends commands in as few lines as possible; the answers together, trimmed, one line each where there are any. */
  async send(commands: readonly string[], signal?: AbortSignal): Promise<string> {
    const answers: string[] = [];
    let line = '';
    for (const command of commands) {
      // A line break or separator would end this command and begin another.
      if (/[\x00-\x1f;]/.test(command)) throw new Error(`not one command: ${JSON.stringify(command)}`);
      if (line !== '' && line.length + command.length + 2 > MAX_COMMAND_BYTES) {
        answers.push(await this.#exchange(line, signal));
        line = '';
      }
      line += line === '' ? command : `; ${command}`;
    }
    if (line !== '') answers.push(await this.#exchange(line, signal));
    return answers.join('\n').trim();
  }

  #exchange(line: string, signal?: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path: this.#path });
      const chunks: Buffer[] = [];
      let bytes = 0;
      const fail = (code: RuntimeSocketError['code'], message: string): void => {
        reject(new RuntimeSocketError(code, message));
        socket.destroy();
      };
      const abort = (): void => fail('UNREACHABLE', 'given up');
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      socket.setTimeout(this.#timeoutMs, () =>
        fail('TIMEOUT', `${this.#path} did not answer within ${this.#timeoutMs} ms`),
      );
      socket.on('data', (chunk) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) fail('TOO_LARGE', `${this.#path} answered too much`);
      });
      socket.on('error', (error) => fail('UNREACHABLE', error.message));
      socket.on('end', () => resolve(Buffer.concat(chunks).toString('latin1')));
      socket.on('close', () => {
        signal?.removeEventListener('abort', abort);
        reject(new RuntimeSocketError('UNREACHABLE', `${this.#path} was closed`));
      });
      socket.write(`${line}\n`);
    });
  }
}

/** One server as `show servers state` has it. */
export interface ServerState {
  readonly backend: string;
  readonly name: string;
  /** `10.0.0.1:80`, `[::1]:80`. */
  readonly address: string;
  readonly weight: number;
  /** In maintenance: takes nothing. */
  readonly isOff: boolean;
  /** Neither in maintenance nor draining. */
  readonly isReady: boolean;
}

/** Bits of `srv_admin_state` (management guide, `show servers state`). */
const MAINTENANCE = 0x67;
const DRAIN = 0x18;

/** Reads `show servers state`: a version, a line that names the columns, and a line for each server. */
export function readServerStates(text: string): ServerState[] {
  const lines = text.split('\n').filter((line) => line !== '');
  const header = lines.find((line) => line.startsWith('# '));
  if (lines[0] !== '1' || header === undefined) throw new Error('unknown format of "show servers state"');
  const columns = header.slice(2).split(' ');
  return lines
    .filter((line) => line !== '1' && !line.startsWith('#'))
    .map((line) => {
      const values = line.split(' ');
      const get = (name: string): string => values[columns.indexOf(name)] ?? '';
      const host = get('srv_addr');
      return {
        backend: get('be_name'),
        name: get('srv_name'),
        address: `${host.includes(':') ? `[${host}]` : host}:${get('srv_port')}`,
        weight: Number(get('srv_uweight')),
        isOff: (Number(get('srv_admin_state')) & MAINTENANCE) !== 0,
        isReady: (Number(get('srv_admin_state')) & (MAINTENANCE | DRAIN)) === 0,
      };
    });
}
