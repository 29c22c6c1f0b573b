import { expect, test } from 'vitest';
import { staticMembers } from '../../router/static-routes.ts';
import { instance, POLICY, staticEntry } from './catalog.ts';

test('fixed instances always take traffic, with the weights that are written', () => {
  const entry = staticEntry('a.com/x', ['10.0.0.1:80 weight=0', '[::1]:81', 'Host.local:82 weight=5']);
  const members = staticMembers(entry, [], POLICY, false);
  expect(
    members.map(({ instance: id, address, port, weight, service, isAccepted }) => [
      id,
      address,
      port,
      weight,
      service,
      isAccepted,
    ]),
  ).toEqual([
    ['10.0.0.1:80', '10.0.0.1', 80, 0, 'a.com/x', true],
    ['[::1]:81', '::1', 81, 1, 'a.com/x', true],
    ['host.local:82', 'host.local', 82, 5, 'a.com/x', true],
  ]);
});

test('a redirect needs nobody', () => {
  const entry = staticEntry('a.com redirect=301,https://b.com/', []);
  expect(staticMembers(entry, [], POLICY, false)).toMatchObject([{ instance: '', service: 'a.com/' }]);
});

test('the instances of a service, by their health', () => {
  const weights = { passing: 5, warning: 2 };
  const instances = [
    instance('web', 1, [], { weights }),
    instance('web', 2, ['fairlead:b.com'], { weights, health: 'warning' }),
    instance('web', 3, [], { weights, health: 'critical' }),
  ];
  const members = staticMembers(staticEntry('a.com', 'web'), instances, POLICY, false);
  expect(members.map(({ instance: id, weight, isAccepted, age }) => [id, weight, isAccepted, age])).toEqual([
    ['node/web-1', 5, true, 1],
    ['node/web-2', 2, true, 2],
    ['node/web-3', 5, false, 3],
  ]);
  expect(members.every(({ provider, dialect }) => provider === 'file' && dialect === 'fairlead')).toBe(true);
});

test('a service without instances, or gone, has somebody who takes no traffic', () => {
  const entry = staticEntry('a.com', 'web');
  expect(staticMembers(entry, [], POLICY, false)).toMatchObject([{ service: 'web', isAccepted: false }]);
  const gone = staticMembers(entry, [instance('web', 1, [])], POLICY, true);
  expect(gone).toMatchObject([{ instance: 'node/web-1', isAccepted: false, isGone: true }]);
});
