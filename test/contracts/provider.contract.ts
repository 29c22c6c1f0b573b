import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Recorder, record } from '../src/control/providers/recorder.ts';

/** Something that speaks Consul's HTTP API. */
export interface ConsulSource {
  readonly url: string;
  stop(): Promise<void>;
}

export interface ContractOptions {
  /** `aggregate` is forced by a budget of a single connection. */
  readonly mode: 'per-service' | 'aggregate';
}

/** A generous bound; what is usual is measured elsewhere. */
const SOON = 3000;

/** What every Consul-speaking source and the provider owe to each other. */
export function providerContract(start: () => Promise<ConsulSource>, { mode }: ContractOptions): void {
  describe(`provider contract, ${mode}`, () => {
    let source: ConsulSource;
    let seen: Recorder;
    let made = 0;

    async function put(path: string, body?: unknown): Promise<void> {
      const answer = await fetch(source.url + path, {
        method: 'PUT',
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
    }

    const register = (definition: object): Promise<void> => put('/v1/agent/service/register', definition);
    const ttl = (id: string, status: string, output = ''): Promise<void> =>
      put(`/v1/agent/check/update/service:${id}`, { Status: status, Output: output });

    /** A routed service with one passing TTL check, under a name of its own. */
    async function service(changes: object = {}): Promise<string> {
      made += 1;
      const name = `svc-${made}`;
      await register({ ...definition(name), ...changes });
      return name;
    }

    function definition(name: string): object {
      return {
        Name: name,
        ID: name,
        Address: '10.0.0.1',
        Port: 8080,
        Tags: [`route:${name}.test/`],
        Check: { TTL: '1h', Status: 'passing' },
      };
    }

    const healthIs = (name: string, health: string): Promise<void> =>
      seen.until(() => seen.health(name) === health, `${name} is ${health}`, SOON);

    beforeAll(async () => {
      source = await start();
      for (const name of ['filler-a', 'filler-b']) await register(definition(name));
      seen = record(source.url, {
        kvPath: 'fabio/config',
        ...(mode === 'aggregate' ? { config: { connections: 1 } } : {}),
      });
      await seen.completed();
    });

    afterAll(async () => {
      await seen?.stop();
      await source?.stop();
    });

    test('works in the mode that was asked for', () => {
      expect(seen.state()).toMatchObject({ state: 'live', mode });
      expect([...seen.services.keys()].sort()).toEqual(['filler-a', 'filler-b']);
    });

    test('a registration is reported with all its facts', async () => {
      const name = await service({ Meta: { version: '7' }, Weights: { Passing: 5, Warning: 2 } });
      await healthIs(name, 'passing');
      const [instance] = seen.services.get(name)!;
      expect(instance).toMatchObject({
        id: `${instance!.node}/${name}`,
        service: name,
        serviceId: name,
        address: '10.0.0.1',
        port: 8080,
        tags: [`route:${name}.test/`],
        meta: { version: '7' },
        weights: { passing: 5, warning: 2 },
      });
      expect(instance!.createIndex).toBeGreaterThan(0);
      const own = instance!.checks.find((check) => check.id === `service:${name}`);
      expect(own).toMatchObject({ status: 'passing' });
    });

    test('a service without a route tag is not followed', async () => {
      await register({ Name: 'unrouted', Port: 80, Tags: ['v1'] });
      await healthIs(await service(), 'passing');
      expect(seen.services.has('unrouted')).toBe(false);
    });

    test('each flip of a check is reported', async () => {
      const name = await service();
      await healthIs(name, 'passing');
      for (const status of ['critical', 'passing', 'warning', 'critical', 'warning', 'passing']) {
        await ttl(name, status, `now ${status}`);
        await healthIs(name, status);
      }
      await ttl(name, 'critical', 'refused: connection');
      await healthIs(name, 'critical');
      const failing = seen.services.get(name)![0]!.checks.find((check) => check.status === 'critical');
      expect(failing!.output).toBe('refused: connection');
    });

    test('a change of a check output alone reports nothing', async () => {
      const name = await service();
      await healthIs(name, 'passing');
      const before = seen.eventsOf(name).length;
      for (const output of ['one', 'two', 'three']) await ttl(name, 'passing', output);
      await ttl(name, 'critical');
      await healthIs(name, 'critical');
      expect(seen.eventsOf(name).length - before).toBe(1);
    });

    test('maintenance of a service and of the node', async () => {
      const name = await service();
      await healthIs(name, 'passing');
      await put(`/v1/agent/service/maintenance/${name}?enable=true&reason=upgrade`);
      await healthIs(name, 'maintenance');
      await put(`/v1/agent/service/maintenance/${name}?enable=false`);
      await healthIs(name, 'passing');
      await put('/v1/agent/maintenance?enable=true');
      await healthIs(name, 'maintenance');
      await put('/v1/agent/maintenance?enable=false');
      await healthIs(name, 'passing');
    });

    test('a changed weight, port and address of a registration', async () => {
      const name = await service({ Check: undefined });
      await healthIs(name, 'passing');
      await register({ ...definition(name), Check: undefined, Weights: { Passing: 9, Warning: 1 } });
      await seen.until(() => seen.services.get(name)![0]!.weights.passing === 9, 'weight 9', SOON);
      await register({ ...definition(name), Check: undefined, Port: 9090, Address: '10.0.0.2' });
      await seen.until(() => seen.services.get(name)![0]!.port === 9090, 'port 9090', SOON);
      expect(seen.services.get(name)![0]!.address).toBe('10.0.0.2');
    });

    test('a second instance joins and leaves; the first keeps its identity', async () => {
      const name = await service();
      await healthIs(name, 'passing');
      const [first] = seen.services.get(name)!;
      await register({ ...definition(name), ID: `${name}-2`, Port: 8081 });
      await healthIs(name, 'passing,passing');
      expect(seen.services.get(name)!.includes(first!)).toBe(true);
      await put(`/v1/agent/service/deregister/${name}-2`);
      await healthIs(name, 'passing');
      expect(seen.services.get(name)![0]).toBe(first);
    });

    test('without an address of its own an instance has that of its node', async () => {
      const name = await service({ Address: '' });
      await healthIs(name, 'passing');
      expect(seen.services.get(name)![0]!.address).toBe('127.0.0.1');
    });

    test('the same service id on two nodes is two instances', async () => {
      made += 1;
      const name = `svc-${made}`;
      for (const node of ['node-a', 'node-b']) {
        await put('/v1/catalog/register', {
          Node: node,
          Address: '10.1.0.1',
          Service: { ID: 'same', Service: name, Port: 80, Tags: ['route:two.test/'] },
        });
      }
      await healthIs(name, 'passing,passing');
      expect(seen.services.get(name)!.map((instance) => instance.id)).toEqual(['node-a/same', 'node-b/same']);
    });

    test('a deregistered service is reported empty, and lives again when it returns', async () => {
      const name = await service();
      await healthIs(name, 'passing');
      await put(`/v1/agent/service/deregister/${name}`);
      await seen.until(() => seen.services.get(name)!.length === 0, 'no instances', SOON);
      await register(definition(name));
      await healthIs(name, 'passing');
    });

    test('route tags gained and lost', async () => {
      const name = await service({ Tags: ['v1'] });
      await register({ ...definition(name), Tags: ['v1', 'route:late.test/'] });
      await healthIs(name, 'passing');
      await register({ ...definition(name), Tags: ['v1'] });
      await seen.until(() => seen.services.get(name)![0]!.tags.join() === 'v1', 'route tag gone', SOON);
      const watches = seen.state().watches;
      // Not followed any more, yet its end is noticed.
      await put(`/v1/agent/service/deregister/${name}`);
      await seen.until(() => seen.services.get(name)!.length === 0, 'no instances', SOON);
      expect(seen.state().watches).toBeLessThanOrEqual(watches);
    });

    test('KV lines in key order, changed and removed', async () => {
      await seen.until(() => seen.lines?.length === 0, 'no lines', SOON);
      await put('/v1/kv/fabio/config/b', 'route add b b.test/ http://10.0.0.2/');
      await put('/v1/kv/fabio/config/a', 'route add ä a.test/ http://10.0.0.1/');
      await seen.until(() => seen.lines?.length === 2, 'two lines', SOON);
      expect(seen.lines).toEqual([
        ['fabio/config/a', 'route add ä a.test/ http://10.0.0.1/'],
        ['fabio/config/b', 'route add b b.test/ http://10.0.0.2/'],
      ]);
      await fetch(`${source.url}/v1/kv/fabio/config?recurse`, { method: 'DELETE' });
      await seen.until(() => seen.lines?.length === 0, 'no lines again', SOON);
    });

    test('no doubt and no fault in all that', () => {
      expect(seen.story).toEqual(['complete']);
      expect(seen.errors).toEqual([]);
      expect([...seen.refused.values()].flat()).toEqual([]);
    });
  });
}
