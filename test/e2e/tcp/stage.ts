/** The whole program with a real Consul, and ports that tags may open. */
import { afterAll, beforeAll } from 'vitest';
import { type ConsulAgent, startConsul } from '../../support/consul.ts';
import { freePorts } from '../../support/ports.ts';
import { ballast, deregister, register, type Site, startSite } from '../site.ts';

export let consul: ConsulAgent;
export let site: Site;

/** Starts both before the tests of a file; `config` is further configuration. */
export function stage(config = ''): void {
  beforeAll(async () => {
    consul = await startConsul();
    await ballast(consul);
    site = await startSite({
      consul: consul.url,
      config: `tcp: { ports: 20000-32000, address: 127.0.0.1 }\n${config}`,
    });
  });

  afterAll(async () => {
    await site?.stop();
    await consul?.stop();
  });
}

/** A port for a tag, free now and within what tags may open. */
export async function publicPort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}

/** Services that come and go and have nothing to do with what is tested: so many changes of the catalog. */
export async function unrelatedChanges(count: number): Promise<void> {
  for (let i = 0; i < count; i += 2) {
    const name = `other-${i % 10}`;
    await register(consul, { name, port: 1000 + i, tags: [`fairlead:${name}.test/`] });
    await deregister(consul, name);
  }
}
