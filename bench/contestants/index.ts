/** Who takes part, in the order of the tables. */
import { caddy } from './caddy.ts';
import type { Contestant } from './contestant.ts';
import { direct } from './direct.ts';
import { fairlead } from './fairlead.ts';
import { haproxy } from './haproxy.ts';
import { nginx } from './nginx.ts';
import { nodePackages, nodeProxies } from './node-proxies.ts';

export const contestantNames = ['direct', 'nginx', 'haproxy', 'caddy', ...nodePackages, 'fairlead'] as const;
export type ContestantName = (typeof contestantNames)[number];

export function contestants(backendPid: number): readonly Contestant[] {
  return [direct(backendPid), nginx, haproxy, caddy, ...nodeProxies, fairlead];
}
