/** Instances that nobody else checks are asked by the router itself, against a real Consul under load. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Backend, type BackendRequest, startBackend } from '../support/backend.ts';
import { type ConsulAgent, skipConsul, startConsul } from '../support/consul.ts';
import { startLoad } from '../support/load.ts';
import { eventually } from '../support/process.ts';
import {
  ballast,
  deregister,
  register,
  registerBackend,
  type Site,
  setCheck,
  startSite,
  takesTraffic,
} from './site.ts';

const INTERVAL_MS = 500;
const OPTION = `check=/health?deep=1,${INTERVAL_MS}ms`;

/** A backend that says how it is; `sick` is what its check sees, its other answers are right. */
interface Patient {
  readonly backend: Backend;
  sick: boolean;
  /** Requests of the router's own. */
  asked(): BackendRequest[];
}

describe.skipIf(skipConsul)('checks of the router itself', () => {
  let consul: ConsulAgent;
  let site: Site;
  let fixed: Patient[];
  const backends: Backend[] = [];

  beforeAll(async () => {
    consul = await startConsul();
    await ballast(consul);
    fixed = [await startPatient('fixed-1'), await startPatient('fixed-2')];
    const to = fixed.map(({ backend }) => `"127.0.0.1:${backend.port}"`).join(', ');
    const config = `routes: [{ rule: "fixed.test ${OPTION}", to: [${to}] }]\n`;
    site = await startSite({ consul: consul.url, config });
  });

  afterEach(() => {
    for (const patient of fixed) patient.sick = false;
  });

  afterAll(async () => {
    await site?.stop();
    await consul?.stop();
    await Promise.all(backends.map((backend) => backend.close()));
  });

  async function startPatient(name: string): Promise<Patient> {
    const backend = await startBackend({ name });
    const patient: Patient = {
      ...{ backend, sick: false },
      asked: () => backend.requests.filter((request) => request.header('user-agent') === 'fairlead-check'),
    };
    const usual = backend.handler;
    backend.handler = (request, reply) =>
      patient.sick && request.target.startsWith('/health')
        ? reply.send({ status: 500 })
        : usual(request, reply);
    backends.push(backend);
    return patient;
  }

  /** Instances without a check in Consul; resolves when all take traffic. */
  async function deploy(service: string, count: number): Promise<Patient[]> {
    const names = Array.from({ length: count }, (_, i) => `${service}-${i + 1}`);
    const patients = await Promise.all(names.map(startPatient));
    const tags = [`fairlead:${service}.test ${OPTION}`];
    for (const { backend } of patients) {
      const { name: id, port } = backend;
      await register(consul, { name: service, id, port, tags, unchecked: true });
    }
    await eventually(async () => expect(await site.active(service)).toEqual(names));
    return patients;
  }

  async function activePorts(pool: string): Promise<number[]> {
    const found = (await site.pools()).find(({ name }) => name === pool);
    return found!.endpoints.filter(({ state }) => takesTraffic.has(state)).map(({ port }) => port);
  }

  async function checksOf(route: string): Promise<unknown[]> {
    return (await site.routes()).routes.find(({ id }) => id === route)!.checks!;
  }

  test('an instance is out while its check fails, and back after two successes; no request is lost', async () => {
    const [a, b] = (await deploy('soft', 2)) as [Patient, Patient];
    const load = startLoad({ port: site.web, host: 'soft.test', connections: 8, ratePerSecond: 150 });
    await eventually(() => b.asked().length >= 2 && a.asked().length >= 2, 'the first checks');
    const [question] = b.asked();
    expect(question).toMatchObject({ method: 'GET', target: '/health?deep=1' });
    expect(question!.header('host')).toBe('soft.test');

    b.sick = true;
    const before = b.asked().length;
    await eventually(async () => expect(await site.active('soft')).toEqual(['soft-1']));
    expect(b.asked().length - before).toBeGreaterThanOrEqual(3);
    await site.child.line(/"path":"\/health\?deep=1","output":"status 500".*an instance fails its check/);
    expect(await checksOf('soft.test/')).toMatchObject([
      { by: 'fairlead', state: 'up', output: 'status 200' },
      { instance: expect.stringMatching(/soft-2$/), by: 'fairlead', state: 'down', output: 'status 500' },
    ]);
    const endpoint = `soft@127.0.0.1:${b.backend.port}`;
    const up = async (): Promise<number[]> =>
      (await site.metrics())
        .filter(({ name, labels }) => name === 'fairlead_endpoint_up' && labels.endpoint === endpoint)
        .map(({ value }) => value);
    expect(await up()).toEqual([0]);
    expect(await site.metric('fairlead_checks_total', { result: 'fail' })).toBeGreaterThanOrEqual(3);
    // The answers say which check this is: an instance that is not asked for anything else is quiet.
    const traffic = (): number => b.backend.requests.length - b.asked().length;
    const quiet = traffic();
    const { counters } = load;
    const enough = counters.ok + 60;
    await eventually(() => counters.ok > enough);
    expect(traffic() - quiet).toBeLessThanOrEqual(1);

    // A reload changes nothing of it.
    site.child.signal('SIGHUP');
    await site.child.line(/configuration reloaded/);
    expect(await site.active('soft')).toEqual(['soft-1']);

    b.sick = false;
    await eventually(async () => expect(await site.active('soft')).toEqual(['soft-1', 'soft-2']));
    await site.child.line(/an instance passes its check again/);
    await eventually(() => traffic() > quiet + 10, 'traffic to be back');
    expect(await up()).toEqual([1]);
    const { failed, unsent } = await load.stop();
    expect({ failed, unsent }).toEqual({ failed: [], unsent: 0 });
  });

  test('when the check of all fails, the host answers 503; the last stays out like the first', async () => {
    const patients = await deploy('none', 2);
    for (const patient of patients) patient.sick = true;
    await eventually(async () => {
      const answer = await site.get('none.test');
      expect(answer.status).toBe(503);
      expect(answer.headers.get('x-fairlead-reason')).toBe('no_healthy_instance');
    });
    patients[1]!.sick = false;
    await eventually(async () => expect((await site.get('none.test')).body).toBe('none-2'));
  });

  test('a newcomer whose first check fails is out at once, and in with its first success', async () => {
    const patient = await startPatient('young-1');
    patient.sick = true;
    const tags = ['fairlead:young.test check=/health,1s'];
    await register(consul, {
      name: 'young',
      id: 'young-1',
      port: patient.backend.port,
      tags,
      unchecked: true,
    });
    await eventually(async () => expect((await site.get('young.test')).status).toBe(503));
    expect(patient.asked().length).toBe(1);
    patient.sick = false;
    await eventually(async () => expect((await site.get('young.test')).body).toBe('young-1'));
    await deregister(consul, 'young-1');
    await eventually(async () => expect((await site.get('young.test')).status).toBe(503));
    // Others are asked several times meanwhile.
    const asked = patient.asked().length;
    const enough = fixed[0]!.asked().length + 4;
    await eventually(() => fixed[0]!.asked().length >= enough);
    expect(patient.asked().length).toBe(asked);
  });

  test('where Consul has a check the option does nothing, and the API says so', async () => {
    const patient = await startPatient('judged-1');
    patient.sick = true;
    await registerBackend(consul, 'judged', patient.backend, [`fairlead:judged.test ${OPTION}`]);
    await eventually(async () => expect(await site.active('judged')).toEqual(['judged-1']));
    const instance = expect.stringMatching(/\/judged-1$/);
    const endpoint = `judged@127.0.0.1:${patient.backend.port}`;
    expect(await checksOf('judged.test/')).toEqual([{ instance, endpoint, by: 'consul' }]);
    expect((await site.routes()).refused).toEqual([]);
    // Others are asked several times meanwhile.
    const enough = fixed[0]!.asked().length + 4;
    await eventually(() => fixed[0]!.asked().length >= enough);
    expect(patient.asked()).toEqual([]);
    await setCheck(consul, 'judged-1', 'critical');
    await eventually(async () => expect(await site.active('judged')).toEqual([]));
  });

  test('fixed addresses are checked, also while Consul is away', async () => {
    const ports = fixed.map(({ backend }) => backend.port).sort();
    await eventually(async () => expect((await activePorts('fixed.test/')).sort()).toEqual(ports));
    await deploy('left', 1).then(([patient]) => {
      fixed.push(patient!);
    });
    await consul.kill();
    await eventually(async () => expect((await site.consul()).state).toBe('down'));
    fixed[0]!.sick = true;
    fixed[2]!.sick = true;
    await eventually(async () => {
      expect(await activePorts('fixed.test/')).toEqual([fixed[1]!.backend.port]);
      expect(await site.active('left')).toEqual([]);
    });
    expect((await site.get('fixed.test')).body).toBe('fixed-2');
    fixed[0]!.sick = false;
    fixed[2]!.sick = false;
    await eventually(async () => {
      expect((await activePorts('fixed.test/')).sort()).toEqual(ports);
      expect(await site.active('left')).toEqual(['left-1']);
    });
    // Back without memory, Consul's news of losses is held, and the checks go on.
    await consul.restart();
    await eventually(async () => expect((await site.ready()).held).not.toBeNull(), {
      timeoutMs: 15_000,
      what: 'a hold',
    });
    fixed[2]!.sick = true;
    await eventually(async () => expect(await site.active('left')).toEqual([]));
    fixed[2]!.sick = false;
    await eventually(async () => expect(await site.active('left')).toEqual(['left-1']));
  });
});
