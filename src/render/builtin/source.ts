import type { Config } from '../../config/config.ts';
import type { RenderConfig, RouterPart } from '../config/model.ts';
import type { Renderer, RendererContext } from '../renderer.ts';
import { CertificateWatch } from './certificates.ts';
import { renderHaproxy } from './haproxy.ts';
import { HaproxyLive } from './haproxy-live.ts';
import { RuntimeSocket } from './haproxy-socket.ts';
import { fixedInput } from './input.ts';
import type { BuiltinInput } from './model.ts';
import { renderNginx } from './nginx.ts';
import { RoutedCatalog } from './routed-catalog.ts';
import { BUILTIN_ID, TargetRenderer, type TargetState } from './target-renderer.ts';

export interface BuiltinSource {
  renderer(target: 'nginx' | 'haproxy'): Renderer;
  /** Instances that are rendered; null while that is unknown. */
  countInstances(service: string): number | null;
  /** Since Consul last answered, or was first asked. */
  consulAgeMs(): number;
  close(): Promise<void>;
}

export interface BuiltinSourceOptions extends Pick<RenderConfig, 'consul' | 'haproxySocket'> {
  readonly router: RouterPart;
  /** Services whose instances will be counted. */
  readonly counted: readonly string[];
  /** Failures in a row after which `gaveUp` is told; null goes on for ever. */
  readonly attempts: number | null;
}

/** Follows what the router would follow, once for all built-in targets of a configuration. */
export function createBuiltinSource(
  { router, consul, haproxySocket, counted, attempts }: BuiltinSourceOptions,
  { log, changed, consulFailed, gaveUp }: Omit<RendererContext, 'env'>,
): BuiltinSource {
  const config = { ...router.config, consul: consulOf(router.config, consul) };
  const onChange = (): void => changed(new Set([BUILTIN_ID]));
  const onFailures = (failures: number, reason: string): void => {
    if (failures === attempts) gaveUp(reason);
  };
  const catalog = new RoutedCatalog({
    ...{ config, statics: router.statics, counted, log, onChange, onFailures },
    onError: consulFailed,
  });
  const certificates = new CertificateWatch(config.tls, log, onChange);
  const state: TargetState = {
    get version() {
      return catalog.version + certificates.version;
    },
    missing: () => new Set([...catalog.missing(), ...certificates.missing()]),
  };
  const fixed = fixedInput(router, haproxySocket);
  const input = (): BuiltinInput => ({
    ...fixed,
    routes: catalog.routes,
    pools: catalog.pools,
    certificates: certificates.certificates,
  });
  const lives: HaproxyLive[] = [];
  const haproxy = (): Renderer => {
    const make = () => renderHaproxy(input());
    if (haproxySocket === null) return new TargetRenderer('haproxy', state, make, log);
    const socket = new RuntimeSocket(haproxySocket);
    return new TargetRenderer('haproxy', state, make, log, (target) => {
      const live = new HaproxyLive({ socket, target, log });
      lives.push(live);
      return live;
    });
  };
  catalog.start();
  certificates.start();
  return {
    renderer: (target) =>
      target === 'haproxy' ? haproxy() : new TargetRenderer(target, state, () => renderNginx(input()), log),
    countInstances: (service) => catalog.count(service),
    consulAgeMs: () => catalog.consulAgeMs(),
    async close() {
      for (const live of lives) live.close();
      certificates.close();
      await catalog.close();
    },
  };
}

/** The renderer says which Consul it is, the router's configuration how its answers are taken. */
function consulOf({ consul: router }: Config, consul: RenderConfig['consul']): RenderConfig['consul'] {
  const { url, token, tokenFile, tls, connections } = consul;
  return {
    ...router,
    ...{ url, token, tokenFile, tls },
    connections: Math.min(connections, router.connections),
    datacenter: consul.datacenter ?? router.datacenter,
    namespace: consul.namespace ?? router.namespace,
  };
}
