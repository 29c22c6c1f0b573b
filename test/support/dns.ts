/** A real DNS server, dnsmasq, on a free loopback port. */
import { dnsmasqBinary } from '../provision.ts';
import { accepts, freePort } from './ports.ts';
import { type Child, eventually, start } from './process.ts';

export interface DnsServer {
  readonly port: number;
  /** SIGKILL: its port answers with ICMP from then on. */
  kill(): Promise<void>;
}

/** Answers every name below `test` with this address, and what `txt` holds. */
export async function startDns(
  address: string,
  txt: Readonly<Record<string, string>> = {},
): Promise<DnsServer> {
  const port = await freePort();
  const records = Object.entries(txt).map(([name, text]) => `--txt-record=${name},${text}`);
  const child: Child = await start(await dnsmasqBinary(), [
    ...['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--no-resolv', '--no-hosts'],
    ...['--listen-address=127.0.0.1', '--bind-interfaces', `--port=${port}`, '--user=', '--cache-size=0'],
    ...[`--address=/test/${address}`, ...records],
  ]);
  // It speaks TCP on the same port.
  await eventually(() => accepts(port), { timeoutMs: 10_000, what: `dnsmasq on ${port}` });
  return { port, kill: () => child.stop('SIGKILL').then(() => {}) };
}
