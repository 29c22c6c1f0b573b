import { decode } from '../../../../src/render/dependencies/decode.ts';
import { keyPairsType, servicesType, snippetsType } from '../../../../src/render/dependencies/types.ts';
import type { Value } from '../../../../src/render/template/values.ts';
import { FakeDependencies } from '../fakes.ts';

/** The data of the tables. */

function instance(
  node: string,
  port: number,
  tags: readonly string[],
  meta: Readonly<Record<string, string>>,
): unknown {
  return {
    Node: node,
    NodeID: `${node}-id`,
    NodeAddress: '10.0.0.9',
    NodeTaggedAddresses: null,
    NodeMeta: { r: '1' },
    ServiceMeta: meta,
    Address: `10.0.0.${port}`,
    ServiceTaggedAddresses: { lan: { Address: 'x', Port: 1 } },
    ID: `web${port}`,
    Name: 'web',
    Tags: tags,
    Checks: [],
    Status: 'passing',
    Port: port,
    Weights: { Passing: 1, Warning: 1 },
  };
}

export const web: Value = decode(servicesType, [
  instance('n1', 80, ['a', 'b'], { k: 'x y', n: '7' }),
  instance('n2', 81, ['a'], { k: '', n: '12' }),
  instance('n3', 80, [], {}),
]);

export const none: Value = decode(servicesType, []);

/** The catalog's list: names with their tags. */
export function catalogOf(names: Readonly<Record<string, readonly string[]>>): Value {
  return decode(
    snippetsType,
    Object.entries(names).map(([Name, Tags]) => ({ Name, Tags })),
  );
}

/** Keys below `prefix`, as `tree` and `ls` get them. */
export function pairsOf(prefix: string, keys: Readonly<Record<string, string>>): Value {
  return decode(
    keyPairsType,
    Object.entries(keys).map(([Key, Value]) => ({
      Path: `${prefix}/${Key}`,
      Key,
      Value,
      CreateIndex: 1,
      ModifyIndex: 2,
    })),
  );
}

export function withWeb(): FakeDependencies {
  const dependencies = new FakeDependencies();
  dependencies.answers.set('health.service(web|passing)', web);
  dependencies.answers.set('health.service(none|passing)', none);
  dependencies.answers.set('catalog.services', catalogOf({ a: ['t'], b: [] }));
  return dependencies;
}
