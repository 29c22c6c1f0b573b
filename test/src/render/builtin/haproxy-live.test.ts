/** What is told to a running HAProxy and when it is looked at again, with a stand-in for its runtime socket. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLog } from '../../../../src/control/log.ts';
import { type HaproxyFile, renderHaproxy } from '../../../../src/render/builtin/haproxy.ts';
import { HaproxyLive } from '../../../../src/render/builtin/haproxy-live.ts';
import { TargetRenderer } from '../../../../src/render/builtin/target-renderer.ts';
import { pool, route, state } from './stage.ts';

/** The servers of one HAProxy, as its socket shows and changes them. */
class FakeHaproxy {
  readonly servers = new Map<string, { address: string; weight: string; isOff: boolean }>();
  readonly busy = new Set<string>();
  readonly told: string[] = [];
  isAway = false;

  load({ backends }: HaproxyFile): void {
    this.servers.clear();
    for (const { name: backend, servers } of backends)
      for (const { name, address, weight } of servers)
        this.servers.set(`${backend}/${name}`, { address, weight: String(weight), isOff: false });
  }

  async send(commands: readonly string[]): Promise<string> {
    if (this.isAway) throw new Error('nobody listens');
    return commands.map((command) => this.#run(command)).join('\n');
  }

  #run(command: string): string {
    if (command === 'show servers state') return this.#states();
    this.told.push(command);
    const [, path, address = '', weight = ''] =
      /^(?:add|enable|del|set) server (\S+) ?(\S*)(?: weight (\d+))?/.exec(command)!;
    if (command.startsWith('add')) this.servers.set(path!, { address, weight, isOff: true });
    else if (command.startsWith('del') && !this.busy.has(path!)) this.servers.delete(path!);
    else if (command.startsWith('enable')) this.servers.get(path!)!.isOff = false;
    else if (command.endsWith('state maint')) this.servers.get(path!)!.isOff = true;
    return '';
  }

  #states(): string {
    const rows = [...this.servers].map(([path, { address, weight, isOff }]) => {
      const [backend, name] = path.split('/');
      const [host, port] = address.split(':');
      return [backend, name, host, port, weight, isOff ? 1 : 0].join(' ');
    });
    return ['1', '# be_name srv_name srv_addr srv_port srv_uweight srv_admin_state', ...rows].join('\n');
  }
}

let haproxy: FakeHaproxy;
let live: HaproxyLive;
let logged: { level: string; msg: string }[];
let input: { ports: number[]; hosts: string[] };
let version: number;
let target: TargetRenderer<HaproxyFile>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  [haproxy, logged, version] = [new FakeHaproxy(), [], 0];
  input = { ports: [1000], hosts: ['a.test'] };
  const log = createLog('debug', { write: (line: string) => void logged.push(JSON.parse(line)) });
  const make = (): HaproxyFile =>
    renderHaproxy(
      state({ routes: input.hosts.map((host) => route({ host })), pools: [pool('web', input.ports)] }),
    );
  const catalog = {
    get version() {
      return version;
    },
    missing: () => new Set<string>(),
  };
  target = new TargetRenderer('haproxy', catalog, make, log, (of) => {
    live = new HaproxyLive({ socket: haproxy, target: of, log });
    return live;
  });
});

afterEach(() => {
  live.close();
  vi.useRealTimers();
});

function render(change: Partial<typeof input> = {}): string {
  input = { ...input, ...change };
  version++;
  const rendering = target.render();
  return rendering.kind === 'rendered' ? rendering.text : '';
}

/** The command has run, and HAProxy has read what was rendered last. */
function reload(text: string): void {
  haproxy.load(target.rendered(text)!);
  live.adopt(text);
}

const addresses = () =>
  [...haproxy.servers.values()].filter(({ isOff }) => !isOff).map(({ address }) => address);
const warnings = () => logged.filter(({ level }) => level === 'warn').map(({ msg }) => msg);

describe('a change', () => {
  test('needs the command while it is not known what HAProxy runs', async () => {
    const text = render();
    expect(live.sparesCommand()).toBe(false);
    expect(await live.apply(text)).toBe('needs_command');
    reload(text);
    expect(live.sparesCommand()).toBe(true);
    expect(await live.apply(render({ ports: [1000, 1001] }))).toBe('spared');
    expect(addresses()).toEqual(['127.0.0.1:1000', '127.0.0.1:1001']);
  });

  test('of more than servers needs the command, also when it comes with one of servers', async () => {
    reload(render());
    const text = render({ ports: [1001], hosts: ['a.test', 'b.test'] });
    expect(live.sparesCommand()).toBe(false);
    expect(await live.apply(text)).toBe('needs_command');
    expect(haproxy.told).toEqual([]);
    expect(warnings()).toEqual([]);
  });

  test('after commands that failed needs them again', async () => {
    reload(render());
    live.lose();
    expect(await live.apply(render({ ports: [1001] }))).toBe('needs_command');
  });

  test('is told about when the socket fails', async () => {
    reload(render());
    haproxy.isAway = true;
    expect(await live.apply(render({ ports: [1001] }))).toBe('socket_failed');
    expect(warnings()).toEqual(['HAProxy must be reloaded']);
    expect(logged.at(-1)).toMatchObject({ reason: 'the runtime socket failed: nobody listens' });
    expect(live.sparesCommand()).toBe(false);
  });

  test('after a restart of the renderer is made over the socket when the file was as it should be', async () => {
    const text = render();
    haproxy.load(target.latest()!);
    live.found(text);
    expect(await live.apply(render({ ports: [1001] }))).toBe('spared');
    expect(addresses()).toEqual(['127.0.0.1:1001']);
  });

  test('that failed is not forgotten because the file is found as it should be', async () => {
    reload(render());
    live.lose();
    live.found(render());
    expect(live.sparesCommand()).toBe(false);
  });
});

describe('afterwards', () => {
  test('a server that keeps a connection is deleted once it has none, and then nobody asks any more', async () => {
    reload(render({ ports: [1000, 1001] }));
    const [leaving] = haproxy.servers.keys();
    haproxy.busy.add(leaving!);
    await live.apply(render({ ports: [1001] }));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(haproxy.servers.get(leaving!)).toMatchObject({ isOff: true });
    haproxy.busy.clear();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(haproxy.servers.has(leaving!)).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a change that went to the process that left is made once more', async () => {
    const text = render();
    const read = target.latest()!;
    reload(text);
    expect(await live.apply(render({ ports: [1001] }))).toBe('spared');
    // The reload was still under way: what comes up now is what the file said when it was read.
    haproxy.load(read);
    await vi.advanceTimersByTimeAsync(200);
    expect(addresses()).toEqual(['127.0.0.1:1001']);
    expect(logged.at(-1)).toMatchObject({ level: 'info', msg: 'HAProxy was brought to its file' });
  });

  test('a reload that HAProxy did not survive is told, and the next change takes another', async () => {
    reload(render());
    haproxy.isAway = true;
    await vi.advanceTimersByTimeAsync(32_000);
    expect(warnings()).toEqual(['HAProxy does not run what its file says']);
    expect(live.sparesCommand()).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('nothing is looked at any more once it is closed', async () => {
    reload(render());
    live.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
