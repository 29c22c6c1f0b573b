import { systemClock } from '../../control/providers/clock.ts';
import { createConsulClient } from '../../control/providers/consul-client.ts';
import { createConsulStore } from '../../control/store/consul-store.ts';
import type { Store } from '../../control/store/store.ts';
import type { DeduplicateConfig, RenderConfig } from '../config/model.ts';
import type { CreateRenderers, DataUser } from '../renderer.ts';
import { Share } from './share.ts';
import { SharedData } from './shared-data.ts';

/** Where what is shared about one template lies. */
export type OpenStore = (config: RenderConfig, prefix: string) => Store;

const openConsul: OpenStore = ({ consul }, prefix) => createConsulStore(createConsulClient(consul), prefix);

/**
 * The same renderers; where the configuration says so, their data come from whichever process of the fleet has the
 * template's lock (`deduplicate`). A single run asks for itself, as consul-template's does.
 */
export function withSharing(create: CreateRenderers, open: OpenStore = openConsul): CreateRenderers {
  return async (config, context) => {
    const { deduplicate, dry, once } = config;
    if (deduplicate === null || once || dry) return create(config, context);
    const shares: Share[] = [];
    const source = await create(config, {
      ...context,
      changed: (ids) => {
        for (const share of shares) share.changed();
        context.changed(ids);
      },
    });
    for (const [index, { dataUser }] of source.renderers.entries()) {
      if (dataUser === undefined) continue;
      const template = config.templates[index]!.name;
      const store = open(config, prefixOf(deduplicate, dataUser));
      shares.push(shareData(dataUser, { store, template, lockMs: deduplicate.lockMs }, context));
    }
    const close = source.close.bind(source);
    return Object.assign(source, {
      close: async () => {
        await Promise.all(shares.map((share) => share.close()));
        await close();
      },
    });
  };
}

function prefixOf({ prefix }: DeduplicateConfig, { id }: DataUser): string {
  return `${prefix.replace(/\/+$/, '')}/${id}`;
}

function shareData(
  user: DataUser,
  options: { readonly store: Store; readonly template: string; readonly lockMs: number },
  { log, changed }: Parameters<CreateRenderers>[1],
): Share {
  let share: Share | null = null;
  const data = user.readThrough((inner) => new SharedData(inner, () => share?.changed()));
  share = new Share({ ...options, data, log, clock: systemClock, onChange: changed });
  return share;
}
