import dgram from 'node:dgram';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/** The kind of socket for an address; `''` means every interface, both families where the machine has both. */
export function datagramType(host: string): dgram.SocketType {
  if (host !== '') return isIP(host) === 6 ? 'udp6' : 'udp4';
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return addresses.some(({ family }) => family === 'IPv6') ? 'udp6' : 'udp4';
}

/** A socket for addresses only: they are not looked up, which would cost every datagram a turn of the event loop. */
export function createDatagramSocket(
  type: dgram.SocketType,
  options: Omit<dgram.SocketOptions, 'type' | 'lookup'> = {},
): dgram.Socket {
  const lookup = (
    address: string,
    family: unknown,
    done: (...result: [null, string, number]) => void,
  ): void => {
    done(null, address, family as number);
  };
  return dgram.createSocket({
    ...options,
    type,
    lookup: lookup as NonNullable<dgram.SocketOptions['lookup']>,
  });
}
