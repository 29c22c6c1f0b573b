/**
 * `node handshakes-client.ts PORT HOST full|resumed SECONDS CONNECTIONS`: closed-loop TLS handshakes. Each connection
 * does its handshake, has one small answer and is closed by the server; then comes the next. With `resumed`, each offers
 * the newest ticket of the one before it, the first that of a connection that is not counted. What a handshake really
 * was is asked of OpenSSL. Prints one JSON line, see `Handshakes`.
 */
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import type { Handshakes } from './handshakes.ts';
import { CIPHER, clientOptions } from './tls-client.ts';

const TIMEOUT_MS = 10_000;
/** Plainly it does not work then. */
const MOST_ERRORS = 100;
const END_OF_HEAD = '\r\n\r\n';

const [port = 0, seconds = 0, connections = 0] = [2, 5, 6].map((i) => Number(process.argv[i]));
const [, , , host = '', kind] = process.argv;
const request = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
const secureContext = createSecureContext(clientOptions);

let [full, resumed, errors] = [0, 0, 0];
let problem = '';

/** One connection from its beginning to its end. */
interface Visit {
  readonly isResumed: boolean;
  /** The newest ticket; undefined when there was none. */
  readonly ticket: Buffer | undefined;
}

function visit(session: Buffer | undefined): Promise<Visit> {
  const { promise, resolve, reject } = Promise.withResolvers<Visit>();
  const options = { port, host: '127.0.0.1', servername: host, secureContext };
  const socket = connect({ ...options, rejectUnauthorized: false, ...(session && { session }) });
  let [ticket, answer] = [session, ''];
  let isResumed = false;
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer in time')));
  socket.setEncoding('latin1');
  socket.once('secureConnect', () => {
    isResumed = socket.isSessionReused();
    socket.write(request);
  });
  socket.on('session', (fresh) => {
    ticket = fresh;
  });
  socket.on('data', (text: string) => {
    answer += text;
  });
  socket.once('end', () => {
    const fault = faultOf(socket, answer);
    if (fault === null) resolve({ isResumed, ticket });
    else reject(new Error(fault));
  });
  socket.on('error', reject);
  socket.once('close', () => reject(new Error('closed early')));
  return promise;
}

function faultOf(socket: TLSSocket, answer: string): string | null {
  const { name } = socket.getCipher();
  if (socket.getProtocol() !== 'TLSv1.3' || name !== CIPHER) return `${socket.getProtocol()} with ${name}`;
  const end = answer.indexOf(END_OF_HEAD);
  const length = /^HTTP\/1\.1 200 .*\r\ncontent-length: (\d+)\r\n/is.exec(answer.slice(0, end + 2))?.[1];
  return Number(length) === answer.length - end - END_OF_HEAD.length ? null : 'not a whole 200';
}

async function chain(first: Buffer | undefined, until: number): Promise<void> {
  let session = first;
  while (performance.now() < until && errors < MOST_ERRORS) {
    try {
      const { isResumed, ticket } = await visit(session);
      if (isResumed) resumed++;
      else full++;
      if (kind === 'resumed') session = ticket;
    } catch (error) {
      errors++;
      problem ||= (error as Error).message;
    }
  }
}

async function run(): Promise<Handshakes> {
  const first = kind === 'resumed' ? (await visit(undefined)).ticket : undefined;
  const startedAt = performance.now();
  const until = startedAt + seconds * 1000;
  await Promise.all(Array.from({ length: connections }, () => chain(first, until)));
  return { full, resumed, seconds: (performance.now() - startedAt) / 1000, errors, problem };
}

process.stdout.write(`${JSON.stringify(await run())}\n`, () => process.exit(0));
