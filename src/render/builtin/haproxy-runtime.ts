import type { HaproxyFile } from './haproxy.ts';
import type { Backend } from './haproxy-backends.ts';
import { type RuntimeSocket, readServerStates, type ServerState } from './haproxy-socket.ts';

/** What came of a change that was to be made without a reload. */
export type Applied =
  /** HAProxy serves what the file says. `leaving` take nothing new and are removed once their last connection ends. */
  | { readonly kind: 'applied'; readonly commands: readonly string[]; readonly leaving: readonly string[] }
  /** Only a reload gets there: the file is right, the process may be halfway. */
  | { readonly kind: 'reload'; readonly cause: ReloadCause; readonly reason: string };

export type ReloadCause =
  /** What HAProxy runs is not known. */
  | 'unknown'
  /** More than servers is different. */
  | 'structure'
  /** The runtime socket failed, or HAProxy did not do what it was told. */
  | 'socket';

const STATES = 'show servers state';

/**
 * Brings a running HAProxy to the state of a file by its socket. Servers are added and deleted under names that follow from
 * the instance (`add server`, 2.6 or newer) rather than fitted into numbered slots: so what runs depends on the state alone
 * and not on how it came about, and equals what a reload of the file at that moment would run. What must change is read off
 * the process itself, so a restart or somebody else's command in between is put right as well.
 *
 * `previous` is the file that HAProxy was last started or reloaded with or brought to. Write the new file first; do not call
 * this twice at a time.
 */
export async function applyAtRuntime(
  socket: Pick<RuntimeSocket, 'send'>,
  previous: HaproxyFile | null,
  next: HaproxyFile,
  signal?: AbortSignal,
): Promise<Applied> {
  if (previous === null)
    return { kind: 'reload', cause: 'unknown', reason: 'what HAProxy runs is not known' };
  if (previous.structure !== next.structure)
    return { kind: 'reload', cause: 'structure', reason: 'more than servers has changed' };
  try {
    const before = readServerStates(await socket.send([STATES], signal));
    const commands = changes(before, next.backends);
    if (commands.length === 0) return { kind: 'applied', commands, leaving: leaving(before, next.backends) };
    const said = await socket.send(commands, signal);
    const after = readServerStates(await socket.send([STATES], signal));
    if (wanting(after, next.backends).length > 0) {
      const reason = `HAProxy did not take every change: ${said.slice(0, 200)}`;
      return { kind: 'reload', cause: 'socket', reason };
    }
    return { kind: 'applied', commands, leaving: leaving(after, next.backends) };
  } catch (error) {
    const reason = `the runtime socket failed: ${(error as Error).message}`;
    return { kind: 'reload', cause: 'socket', reason };
  }
}

/** Newcomers and shares first, then departures, so that nobody stands alone in between; last what can be deleted already. */
function changes(states: readonly ServerState[], backends: readonly Backend[]): string[] {
  const gone = states.filter(isUnwanted(backends));
  return [...wanting(states, backends), ...gone.map(({ backend, name }) => `del server ${backend}/${name}`)];
}

/** Commands that are still to be given; deletions, which have to wait for connections, are not among them. */
function wanting(states: readonly ServerState[], backends: readonly Backend[]): string[] {
  const byPath = new Map(states.map((state) => [`${state.backend}/${state.name}`, state]));
  const additions = backends.flatMap(({ name: backend, servers, serverOptions }) =>
    servers.flatMap(({ name, address, weight }) => {
      const path = `${backend}/${name}`;
      const state = byPath.get(path);
      if (state !== undefined) return corrections(path, state, address, weight);
      const add = `add server ${path} ${address} weight ${weight} ${serverOptions}`.trimEnd();
      return [add, `enable server ${path}`];
    }),
  );
  const departures = states
    .filter((state) => !state.isOff && isUnwanted(backends)(state))
    .map(({ backend, name }) => `set server ${backend}/${name} state maint`);
  return [...additions, ...departures];
}

function corrections(path: string, state: ServerState, address: string, weight: number): string[] {
  const colon = address.lastIndexOf(':');
  const ip = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return [
    ...(state.address === address ? [] : [`set server ${path} addr ${ip} port ${address.slice(colon + 1)}`]),
    ...(state.weight === weight ? [] : [`set server ${path} weight ${weight}`]),
    ...(state.isReady ? [] : [`set server ${path} state ready`]),
  ];
}

function leaving(states: readonly ServerState[], backends: readonly Backend[]): string[] {
  return states.filter(isUnwanted(backends)).map(({ backend, name }) => `${backend}/${name}`);
}

/** Of a section of ours, and not in the file. Other sections of the process are not looked at. */
function isUnwanted(backends: readonly Backend[]): (state: ServerState) => boolean {
  const wanted = new Map(
    backends.map(({ name, servers }) => [name, new Set(servers.map((each) => each.name))]),
  );
  return ({ backend, name }) => wanted.get(backend)?.has(name) === false;
}
