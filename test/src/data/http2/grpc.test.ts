/** gRPC from end to end: its own client and its own servers, with the router between them. */
import {
  type Client,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Certificate } from '../../../../tls/certificate.ts';
import { createTestCa, type TestCa } from '../../../support/certificates.ts';
import { type Plane, startPlane } from '../../../support/engine.ts';
import { eventually } from '../../../support/process.ts';

const text = {
  serialize: (value: string) => Buffer.from(value),
  deserialize: (bytes: Buffer) => bytes.toString(),
};

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    ...{ path: `/test.Echo/${name}`, requestStream, responseStream },
    ...{ requestSerialize: text.serialize, requestDeserialize: text.deserialize },
    ...{ responseSerialize: text.serialize, responseDeserialize: text.deserialize },
  };
}

const service: ServiceDefinition = {
  Unary: method('Unary', false, false),
  Count: method('Count', false, true),
  Sum: method('Sum', true, false),
  Chat: method('Chat', true, true),
};

/** What handlers use of their calls, whatever the kind. */
interface Call extends AsyncIterable<string> {
  readonly request: string;
  readonly metadata: Metadata;
  on(event: string, listener: (value: string) => void): void;
  write(value: string): void;
  end(): void;
  sendMetadata(metadata: Metadata): void;
}
type Done = (...args: unknown[]) => void;

interface EchoServer {
  readonly port: number;
  calls: number;
  cancelled: number;
  stop(): void;
}

async function startServer(name: string, certificate: Certificate | null): Promise<EchoServer> {
  const echo: EchoServer = { port: 0, calls: 0, cancelled: 0, stop: () => server.forceShutdown() };
  const implementation: UntypedServiceImplementation = {
    Unary(call: Call, done: Done) {
      const { request, metadata } = call;
      echo.calls++;
      if (request === 'fail') return done({ code: status.NOT_FOUND, details: 'not here: ünknown' });
      if (request === 'never') {
        call.on('cancelled', () => {
          echo.cancelled++;
        });
        return;
      }
      const trailer = new Metadata();
      trailer.set('x-trailer', 'end');
      trailer.set('x-bin', Buffer.from([0, 255, 1]));
      call.sendMetadata(metadata);
      done(null, `${name} ${request}`, trailer);
    },
    Count(call: Call) {
      for (let i = 0; i < Number(call.request); i++) call.write(String(i));
      call.end();
    },
    Sum(call: Call, done: Done) {
      void (async () => {
        let sum = 0;
        for await (const value of call) sum += Number(value);
        done(null, String(sum));
      })();
    },
    Chat(call: Call) {
      call.on('data', (value: string) => call.write(`${name} ${value}`));
      call.on('end', () => call.end());
    },
  } as never;
  const server = new Server();
  server.addService(service, implementation);
  const keys = certificate && {
    cert_chain: Buffer.from(certificate.certPem),
    private_key: Buffer.from(certificate.keyPem),
  };
  const secured = keys ? ServerCredentials.createSsl(null, [keys]) : ServerCredentials.createInsecure();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync('127.0.0.1:0', secured, (error, port) => (error ? reject(error) : resolve(port)));
  return Object.assign(echo, { port: await promise });
}

const Stub = makeGenericClientConstructor(service, 'Echo');

let authority: TestCa;
let certificate: Certificate;

beforeAll(async () => {
  authority = await createTestCa();
  certificate = await authority.certificate('grpc.test');
});

describe.each(['h2c', 'h2'] as const)('over proto=%s', (protocol) => {
  let servers: EchoServer[];
  let plane: Plane;
  // biome-ignore lint/suspicious/noExplicitAny: its methods are made of the definition.
  let client: Client & Record<string, any>;

  beforeEach(async () => {
    const own = protocol === 'h2' ? certificate : null;
    servers = [await startServer('one', own), await startServer('two', own)];
    const tls = { name: 'grpc.test', isInsecure: false };
    plane = await startPlane({
      scheme: 'https',
      tls: { certificates: [certificate] },
      upstreamTls: { caPem: authority.rootPem },
      pools: { main: servers.map(({ port }) => ({ port, protocol, ...(own && { tls }) })) },
    });
    client = new Stub(
      `127.0.0.1:${plane.securePort}`,
      credentials.createSsl(Buffer.from(authority.rootPem)),
      {
        'grpc.ssl_target_name_override': 'grpc.test',
        'grpc.default_authority': 'grpc.test',
      },
    );
  });

  afterEach(async () => {
    client.close();
    for (const server of servers) server.stop();
    await plane.quiet();
    await plane.close();
  });

  function unary(value: string, metadata = new Metadata(), options = {}) {
    const heard: { metadata?: Metadata; trailers?: Metadata } = {};
    return new Promise<{ value: string } & typeof heard>((resolve, reject) => {
      const call = client.Unary(value, metadata, options, (error: ServiceError | null, answer: string) => {
        if (error) reject(error);
        else call.on('status', () => resolve({ value: answer, ...heard }));
      });
      call.on('metadata', (got: Metadata) => {
        heard.metadata = got;
      });
      call.on('status', ({ metadata: got }: { metadata: Metadata }) => {
        heard.trailers = got;
      });
    });
  }

  test('calls pass with metadata, and trailers that may be binary', async () => {
    const metadata = new Metadata();
    metadata.set('x-mine', 'yes');
    metadata.set('x-raw-bin', Buffer.from([0, 1, 254]));
    const got = await unary('hi', metadata);
    expect(got.value).toMatch(/^(one|two) hi$/);
    expect(got.metadata!.get('x-mine')).toEqual(['yes']);
    expect(got.metadata!.get('x-raw-bin')).toEqual([Buffer.from([0, 1, 254])]);
    expect(got.trailers!.get('x-trailer')).toEqual(['end']);
    expect(got.trailers!.get('x-bin')).toEqual([Buffer.from([0, 255, 1])]);
  });

  test('errors keep their code and words', async () => {
    await expect(unary('fail')).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: 'not here: ünknown',
    });
    const error = await new Promise((resolve) => {
      const write = (value: unknown) => Buffer.from(String(value));
      client.makeUnaryRequest('/test.Echo/Nothing', write, String, 'x', (failure) => resolve(failure));
    });
    expect(error).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  test('answers and requests stream', async () => {
    const numbers: string[] = [];
    for await (const value of client.Count('1000')) numbers.push(value);
    expect(numbers).toEqual(Array.from({ length: 1000 }, (_, i) => String(i)));
    const sum = await new Promise((resolve, reject) => {
      const call = client.Sum((error: unknown, value: string) => (error ? reject(error) : resolve(value)));
      for (let i = 1; i <= 100; i++) call.write(String(i));
      call.end();
    });
    expect(sum).toBe('5050');
  });

  test('both sides speak by turns on one call', async () => {
    const chat = client.Chat();
    const heard: string[] = [];
    chat.on('data', (value: string) => heard.push(value));
    for (let turn = 1; turn <= 5; turn++) {
      chat.write(`turn ${turn}`);
      await eventually(() => heard.length === turn);
    }
    chat.end();
    await new Promise((resolve) => chat.on('status', resolve));
    expect(new Set(heard.map((each) => each.split(' ')[0])).size).toBe(1);
  });

  test('what is cancelled, or out of time, ends at the server too', async () => {
    await expect(unary('never', new Metadata(), { deadline: Date.now() + 300 })).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    const call = client.Unary('never', () => {});
    await eventually(() => servers[0]!.calls + servers[1]!.calls === 2);
    call.cancel();
    await eventually(() => servers[0]!.cancelled + servers[1]!.cancelled === 2);
  });

  test('a hundred calls at once are spread over the servers, call by call', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => unary(String(i))));
    expect(answers.map(({ value }) => value.split(' ')[1])).toEqual(
      Array.from({ length: 100 }, (_, i) => String(i)),
    );
    const [one, two] = servers.map(({ calls }) => calls);
    expect(one! + two!).toBe(100);
    expect(Math.min(one!, two!)).toBeGreaterThan(30);
    for (const { port } of servers) expect(plane.endpoint(port).sessions.length).toBe(1);
  });
});
