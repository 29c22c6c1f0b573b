import type net from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import type { ListenerConfig } from '../config/config.ts';
import type { FromWorker, ToWorker, WorkerSetup } from '../shared/messages.ts';
import { createHttpServer } from './accept.ts';
import { Engine, factsOf } from './engine.ts';
import { StreamPorts } from './tcp/stream-ports.ts';
import { tellSometimes } from './tell-sometimes.ts';
import { DatagramPorts } from './udp/datagram-ports.ts';

/**
 * A data-plane thread: binds every listener with SO_REUSEPORT, so that the kernel spreads connections over the workers,
 * and applies what the main thread publishes.
 */

const port = parentPort!;
const setup = workerData as WorkerSetup;
const engine = new Engine(setup, send);
const servers: net.Server[] = [];
const streamPorts = new StreamPorts(engine, send);
const datagramPorts = new DatagramPorts(engine, send);

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'table': {
      const before = performance.now();
      engine.table.apply(message);
      engine.hasCatalog = message.isComplete;
      for (const slot of message.forgetRoutes) engine.recorder.forget(slot);
      return send({ type: 'applied', version: message.version, applyMs: performance.now() - before });
    }
    case 'certificates':
      return engine.profiles.update(message.set, message.drop, message.defaultId, message.reset);
    case 'tls':
      return engine.setTls(message.tls);
    case 'ticket-key':
      return engine.profiles.setTicketKey(message.key);
    case 'challenges':
      engine.challenges = new Map(
        message.tokens.map(({ token, keyAuthorization }) => [token, keyAuthorization]),
      );
      return engine.profiles.setChallenges(message.certificates);
    case 'listen':
      return void listenAll(setup.listeners);
    case 'ports':
      return (message.transport === 'tcp' ? streamPorts : datagramPorts).set(message.ports);
    case 'drain':
      return drain(message.deadlineMs);
    case 'close':
      return close();
  }
});
send({ type: 'ready' });

async function listenAll(listeners: readonly ListenerConfig[]): Promise<void> {
  for (const [index, listener] of listeners.entries()) {
    try {
      servers.push(await listen(listener, index));
    } catch (error) {
      const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
      return send({ type: 'listen-failed', listener: listener.name, code, message });
    }
  }
  send({ type: 'listening' });
}

function listen(listener: ListenerConfig, index: number): Promise<net.Server> {
  const server = createHttpServer(factsOf(listener, index), engine);
  const { host, port } = listener.address;
  const { promise, resolve, reject } = Promise.withResolvers<net.Server>();
  server.once('error', reject);
  server.listen({ port, ...(host === '' ? {} : { host }), reusePort: true, backlog: 4096 }, () => {
    server.off('error', reject);
    server.on('error', tellSometimes(send));
    resolve(server);
  });
  return promise;
}

/** Until every worker has closed its listeners: a client told to come back must not get a connection nobody accepts. */
const LISTENERS_FIRST_MS = 50;
/** How long a connection may still bring one more request, whose answer ends it, before it is closed for being idle. */
const LAST_REQUEST_MS = 1_000;

/** Stops accepting, lets running requests finish, cuts what is left at the deadline. */
function drain(deadlineMs: number): void {
  stopAccepting();
  datagramPorts.drain();
  setTimeout(() => {
    engine.isDraining = true;
  }, LISTENERS_FIRST_MS);
  setTimeout(() => engine.drain(), Math.min(LAST_REQUEST_MS, deadlineMs / 2));
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const { clients, streams, sessions } = engine;
    const left = clients.size + streams.size + sessions.size;
    if (left > 0 && performance.now() - startedAt < deadlineMs) return;
    clearInterval(timer);
    engine.close();
    send({ type: 'drained' });
  }, 10);
}

function stopAccepting(): void {
  for (const server of servers) server.close();
  streamPorts.close();
}

function close(): void {
  stopAccepting();
  datagramPorts.close();
  engine.close();
  port.close();
}
