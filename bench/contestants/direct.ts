/** No proxy at all: what load and backend can do, and what the backend costs. */
import { programVersion } from '../machine/programs.ts';
import type { Contestant } from './contestant.ts';

/** Needs the backend's process, so that there is something to count. */
export function direct(backendPid: number): Contestant {
  return {
    name: 'direct',
    version: async () => `no proxy; the backend, nginx ${await programVersion('nginx')}`,
    start: async (site) => ({
      ports: { http: site.backendPort, stream: site.backendPort, https: null },
      pid: backendPid,
      stop: async () => {},
    }),
  };
}
