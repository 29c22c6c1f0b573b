import { expect, test } from 'vitest';
import { ask, put, registryForTest } from './support.ts';

const DEFINITION = {
  Name: 'web',
  ID: 'web-1',
  Address: '127.0.0.1',
  Port: 8080,
  Tags: ['a', 'b'],
  Meta: { v: '1' },
  Check: { TTL: '30s' },
};

const NODE = {
  ID: expect.stringMatching(/^[0-9a-f-]{36}$/),
  Node: 'here',
  Address: '127.0.0.1',
  Datacenter: 'dc1',
  TaggedAddresses: { lan: '127.0.0.1', lan_ipv4: '127.0.0.1', wan: '127.0.0.1', wan_ipv4: '127.0.0.1' },
  Meta: { 'consul-network-segment': '' },
  CreateIndex: expect.any(Number),
  ModifyIndex: expect.any(Number),
};

const TAGGED = {
  lan_ipv4: { Address: '127.0.0.1', Port: 8080 },
  wan_ipv4: { Address: '127.0.0.1', Port: 8080 },
};

// The shapes below were taken from the answers of Consul 1.8.7 to the same registration.

test('an instance in /v1/health/service', async () => {
  const registry = await registryForTest({ nodeName: 'here' });
  expect(await put(registry, '/v1/agent/service/register', DEFINITION)).toMatchObject({
    status: 200,
    text: '',
  });
  const got = await ask(registry, '/v1/health/service/web');
  expect(got.headers.get('content-type')).toBe('application/json');
  expect(got.headers.get('x-consul-knownleader')).toBe('true');
  expect(got.headers.get('x-consul-lastcontact')).toBe('0');
  const Service = {
    ID: 'web-1',
    Service: 'web',
    Tags: ['a', 'b'],
    Address: '127.0.0.1',
    TaggedAddresses: TAGGED,
    Meta: { v: '1' },
    Port: 8080,
    Weights: { Passing: 1, Warning: 1 },
    EnableTagOverride: false,
    Proxy: { MeshGateway: {}, Expose: {} },
    Connect: {},
    CreateIndex: got.index,
    ModifyIndex: got.index,
  };
  const check = { Node: 'here', Notes: '', Definition: {} };
  const indexes = { CreateIndex: got.index, ModifyIndex: got.index };
  expect(got.json).toEqual([
    {
      Node: NODE,
      Service,
      Checks: [
        {
          ...check,
          CheckID: 'serfHealth',
          Name: 'Serf Health Status',
          Status: 'passing',
          Output: 'Agent alive and reachable',
          ServiceID: '',
          ServiceName: '',
          ServiceTags: [],
          Type: '',
          CreateIndex: expect.any(Number),
          ModifyIndex: expect.any(Number),
        },
        {
          ...check,
          ...indexes,
          CheckID: 'service:web-1',
          Name: "Service 'web' check",
          Status: 'critical',
          Output: '',
          ServiceID: 'web-1',
          ServiceName: 'web',
          ServiceTags: ['a', 'b'],
          Type: 'ttl',
        },
      ],
    },
  ]);
});

test('an instance in /v1/catalog/service and /v1/catalog/node', async () => {
  const registry = await registryForTest({ nodeName: 'here' });
  registry.register(DEFINITION);
  const [instance] = (await ask(registry, '/v1/catalog/service/web')).json;
  expect(instance).toEqual({
    ID: expect.any(String),
    Node: 'here',
    Address: '127.0.0.1',
    Datacenter: 'dc1',
    TaggedAddresses: NODE.TaggedAddresses,
    NodeMeta: NODE.Meta,
    ServiceKind: '',
    ServiceID: 'web-1',
    ServiceName: 'web',
    ServiceTags: ['a', 'b'],
    ServiceAddress: '127.0.0.1',
    ServiceTaggedAddresses: TAGGED,
    ServiceWeights: { Passing: 1, Warning: 1 },
    ServiceMeta: { v: '1' },
    ServicePort: 8080,
    ServiceEnableTagOverride: false,
    ServiceProxy: { MeshGateway: {}, Expose: {} },
    ServiceConnect: {},
    CreateIndex: expect.any(Number),
    ModifyIndex: expect.any(Number),
  });
  const node = (await ask(registry, '/v1/catalog/node/here')).json;
  expect(node.Node).toEqual(NODE);
  expect(Object.keys(node.Services)).toEqual(['consul', 'web-1']);
  expect((await ask(registry, '/v1/catalog/node/nowhere')).json).toBeNull();
});

test('?tag picks instances that carry every tag; ?passing those whose checks all pass', async () => {
  const registry = await registryForTest();
  registry.register({ Name: 'web', ID: '1', Tags: ['a', 'b'] });
  registry.register({ Name: 'web', ID: '2', Tags: ['a'], Check: { TTL: '60s' } });
  const ids = async (query: string): Promise<string[]> =>
    (await ask(registry, `/v1/health/service/web?${query}`)).json.map(
      ({ Service }: { Service: { ID: string } }) => Service.ID,
    );
  expect(await ids('')).toEqual(['1', '2']);
  expect(await ids('tag=a&tag=B')).toEqual(['1']);
  expect(await ids('passing')).toEqual(['1']);
  expect(await ids('passing=1&tag=none')).toEqual([]);
});

test('health lists checks by service, node and state', async () => {
  const registry = await registryForTest({ nodeName: 'here' });
  registry.register({
    Name: 'web',
    Checks: [{ TTL: '60s' }, { TTL: '60s', Status: 'warning', Name: 'second' }],
  });
  const ids = async (path: string): Promise<string[]> =>
    (await ask(registry, path)).json.map(({ CheckID }: { CheckID: string }) => CheckID);
  expect(await ids('/v1/health/checks/web')).toEqual(['service:web:1', 'service:web:2']);
  expect(await ids('/v1/health/node/here')).toEqual(['serfHealth', 'service:web:1', 'service:web:2']);
  expect(await ids('/v1/health/state/any')).toHaveLength(3);
  expect(await ids('/v1/health/state/warning')).toEqual(['service:web:2']);
  expect(await ids('/v1/health/state/bogus')).toEqual([]);
});

test('the agent lists its own services and checks, without the server', async () => {
  const registry = await registryForTest({ nodeName: 'here', datacenter: 'east' });
  registry.register(DEFINITION);
  const services = (await ask(registry, '/v1/agent/services')).json;
  expect(Object.keys(services)).toEqual(['web-1']);
  const one = await ask(registry, '/v1/agent/service/web-1');
  expect(one.json).toEqual({ ...services['web-1'], ContentHash: one.headers.get('x-consul-contenthash') });
  expect(Object.keys((await ask(registry, '/v1/agent/checks')).json)).toEqual(['service:web-1']);
  expect((await ask(registry, '/v1/agent/self')).json.Config).toMatchObject({
    NodeName: 'here',
    Datacenter: 'east',
  });
  expect((await ask(registry, '/v1/catalog/datacenters')).json).toEqual(['east']);
  expect((await ask(registry, '/v1/status/leader')).json).toMatch(/^127\.0\.0\.1:\d+$/);
  expect((await ask(registry, '/v1/status/peers')).json).toHaveLength(1);
});

test('an external node comes and goes through the catalog', async () => {
  const registry = await registryForTest();
  const external = {
    Node: 'ext',
    Address: '10.0.0.9',
    Service: { Service: 'db', ID: 'db-1', Port: 5432 },
    Check: { CheckID: 'c1', Name: 'reachable', Status: 'warning', ServiceID: 'db-1' },
  };
  expect((await put(registry, '/v1/catalog/register', external)).json).toBe(true);
  const [instance] = (await ask(registry, '/v1/health/service/db')).json;
  expect(instance.Node).toMatchObject({ ID: '', Node: 'ext', Meta: null, TaggedAddresses: null });
  expect(instance.Checks).toMatchObject([{ CheckID: 'c1', ServiceName: 'db', Status: 'warning', Type: '' }]);
  expect((await ask(registry, '/v1/catalog/nodes')).json).toHaveLength(2);
  expect((await put(registry, '/v1/catalog/deregister', { Node: 'ext' })).json).toBe(true);
  expect((await ask(registry, '/v1/health/service/db')).json).toEqual([]);
  expect((await ask(registry, '/v1/catalog/nodes')).json).toHaveLength(1);
});

test('one service id may exist on two nodes', async () => {
  const registry = await registryForTest();
  for (const Node of ['n2', 'n1']) {
    registry.registerInCatalog({ Node, Address: '10.0.0.1', Service: { Service: 'db', ID: 'db', Port: 1 } });
  }
  const nodes = (await ask(registry, '/v1/catalog/service/db')).json.map(
    ({ Node }: { Node: string }) => Node,
  );
  expect(nodes).toEqual(['n1', 'n2']);
});

test('a service that changes its name leaves the old one empty', async () => {
  const registry = await registryForTest();
  registry.register({ Name: 'old', ID: 'x', Check: { TTL: '60s' } });
  registry.register({ Name: 'new', ID: 'x', Check: { TTL: '60s' } });
  expect((await ask(registry, '/v1/health/service/old')).json).toEqual([]);
  expect((await ask(registry, '/v1/health/service/new')).json[0].Checks[1]).toMatchObject({
    ServiceName: 'new',
  });
});

test('Go names fields whatever their case, with or without underscores', async () => {
  const registry = await registryForTest();
  const body = { name: 'web', enable_tag_override: true, check: { ttl: '30s', check_id: 'mine' } };
  await put(registry, '/v1/agent/service/register', body);
  const [instance] = (await ask(registry, '/v1/health/service/web')).json;
  expect(instance.Service.EnableTagOverride).toBe(true);
  expect(instance.Checks[1].CheckID).toBe('mine');
});

test.each([
  ['/v1/agent/service/register', '{bad', 400, /^Request decode failed: /],
  ['/v1/agent/service/register', '', 400, /^Request decode failed: EOF/],
  ['/v1/agent/service/register', '[]', 400, /^Request decode failed: /],
  ['/v1/agent/service/register', '{}', 400, /^Missing service name$/],
  [
    '/v1/agent/service/register',
    '{"Name":"w","Port":"x"}',
    400,
    /cannot unmarshal string into .*\.Port of type int/,
  ],
  ['/v1/agent/service/register', '{"Name":"w","Tags":[1]}', 400, /^Request decode failed: /],
  ['/v1/agent/service/register', '{"Name":"w","Meta":{"a":1}}', 400, /^Request decode failed: /],
  [
    '/v1/agent/service/register',
    '{"Name":"w","Weights":{"Passing":0}}',
    400,
    /Passing must be greater than 0/,
  ],
  ['/v1/agent/service/register', '{"Name":"w","Check":{"HTTP":"http://x"}}', 400, /Interval must be > 0/],
  [
    '/v1/agent/service/register',
    '{"Name":"w","Check":{"HTTP":"http://x","Interval":"zz"}}',
    400,
    /invalid duration "zz"/,
  ],
  ['/v1/agent/service/register', '{"Name":"w","Check":{"TTL":"1s","Status":"ok"}}', 400, /Status for checks/],
  [
    '/v1/agent/check/register',
    '{"Name":"c","TTL":"1s","ServiceID":"none"}',
    500,
    /^ServiceID "none" does not exist$/,
  ],
  ['/v1/agent/check/pass/none', '', 500, /does not have associated TTL/],
  ['/v1/agent/check/update/none', '{"Status":"ok"}', 400, /^Invalid check status: 'ok'$/],
  ['/v1/agent/service/maintenance/none', '', 400, /^Missing value for enable$/],
  ['/v1/agent/service/maintenance/none?enable=true', '', 404, /^No service registered with ID "none"$/],
  ['/v1/agent/service/register', '{"Name":"w","Address":"0.0.0.0"}', 400, /^Invalid service address$/],
  ['/v1/catalog/register', '{"Node":"n"}', 500, /^Must provide address/],
  ['/v1/catalog/deregister', '{}', 500, /^Must provide node$/],
])('PUT %s %s is refused', async (path, body, status, message) => {
  const registry = await registryForTest();
  const { index } = registry;
  const got = await put(registry, path, body);
  expect(got.status).toBe(status);
  expect(got.text).toMatch(message);
  expect(registry.index).toBe(index);
});

test('unknown paths, wrong methods, bad escapes and oversized bodies', async () => {
  const registry = await registryForTest();
  expect((await ask(registry, '/v1/nothing')).status).toBe(404);
  expect((await ask(registry, '/v1/agent/service/none')).status).toBe(404);
  const wrong = await ask(registry, '/v1/agent/service/register', { method: 'POST' });
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get('allow')).toBe('OPTIONS,PUT');
  expect((await ask(registry, '/v1/health/service/%ff')).status).toBe(400);
  expect((await put(registry, '/v1/kv/a%00b', 'x')).status).toBe(400);
  const large = await put(registry, '/v1/agent/service/register', 'x'.repeat(1024 * 1024 + 1));
  expect(large.status).toBe(413);
  expect((await ask(registry, '/')).text).toContain(`curl ${registry.url}/v1/catalog/services`);
});
