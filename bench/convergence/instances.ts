/**
 * `node instances.ts NAME…`: one server a name, each on a free port, all in this process. Prints the ports as one JSON
 * line. Every answer names its instance.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

const END_OF_HEAD = '\r\n\r\n';

/** Requests have no body, so that the end of a head is the end of a request. */
async function startInstance(name: string): Promise<Server> {
  const answer = Buffer.from(`HTTP/1.1 200 OK\r\nX-Instance: ${name}\r\nContent-Length: 2\r\n\r\nok`);
  const server = createServer({ noDelay: true }, (socket) => {
    let rest = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      rest += bytes.toString('latin1');
      for (let end = rest.indexOf(END_OF_HEAD); end >= 0; end = rest.indexOf(END_OF_HEAD)) {
        rest = rest.slice(end + END_OF_HEAD.length);
        socket.write(answer);
      }
    });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 });
  await once(server, 'listening');
  return server;
}

const servers = await Promise.all(process.argv.slice(2).map(startInstance));
const ports = servers.map((server) => (server.address() as AddressInfo).port);
process.stdout.write(`${JSON.stringify(ports)}\n`);
