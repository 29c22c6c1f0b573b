import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EndpointSlots } from '../../../src/control/endpoint-slots.ts';
import { Slots } from '../../../src/control/slots.ts';

describe('Slots', () => {
  test('a name keeps its number until it is detached', () => {
    const slots = new Slots(1, 4);
    expect([slots.take('a'), slots.take('b'), slots.take('a')]).toEqual([1, 2, 1]);
    expect(slots.size).toBe(2);
    expect([slots.get('b'), slots.nameOf(2), slots.get('x'), slots.nameOf(9)]).toEqual([
      2,
      'b',
      undefined,
      undefined,
    ]);
    expect([...slots.entries()]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  test('a detached number is used again only when it is free', () => {
    const slots = new Slots(0, 2);
    slots.take('a');
    slots.take('b');
    expect(slots.detach('a')).toBe(0);
    expect(slots.detach('a')).toBeUndefined();
    expect(slots.take('c')).toBeNull();
    slots.free(0);
    expect(slots.take('c')).toBe(0);
    expect(slots.take('d')).toBeNull();
  });
});

describe('EndpointSlots', () => {
  function create(limit = 10, workers = 2): { slots: EndpointSlots; freed: number[] } {
    const freed: number[] = [];
    return { slots: new EndpointSlots(limit, workers, (slot) => void freed.push(slot)), freed };
  }

  test('a row is free once every worker let go of it', () => {
    const { slots, freed } = create();
    const slot = slots.take('a')!;
    slots.setPool('p', ['a']);
    slots.released(0, [slot]);
    slots.released(1, [slot]);
    expect(freed).toEqual([]);
    slots.setPool('p', []);
    expect(slots.departing()).toEqual(['a']);
    slots.released(0, [slot]);
    slots.released(0, [slot]);
    expect(freed).toEqual([]);
    slots.released(1, [slot]);
    expect(freed).toEqual([slot]);
    expect(slots.get('a')).toBeUndefined();
    expect(slots.take('b')).toBe(slot);
  });

  test('one that returns keeps its row and must be let go of anew', () => {
    const { slots, freed } = create();
    const slot = slots.take('a')!;
    slots.setPool('p', ['a']);
    slots.setPool('p', []);
    slots.released(0, [slot]);
    expect(slots.take('a')).toBe(slot);
    slots.setPool('p', ['a']);
    // Said before it came back.
    slots.released(1, [slot]);
    slots.setPool('p', []);
    slots.released(1, [slot]);
    expect(freed).toEqual([]);
    slots.released(0, [slot]);
    expect(freed).toEqual([slot]);
  });

  test('as long as one pool has it, it is not departing', () => {
    const { slots } = create();
    slots.take('a');
    slots.setPool('p', ['a']);
    slots.setPool('q', ['a']);
    slots.setPool('p', []);
    expect(slots.departing()).toEqual([]);
    slots.setPool('q', ['a']);
    slots.setPool('q', []);
    expect(slots.departing()).toEqual(['a']);
  });

  test('a dead worker holds nothing', () => {
    const { slots, freed } = create();
    const [a, b] = ['a', 'b'].map((id) => slots.take(id)!) as [number, number];
    slots.setPool('p', ['a', 'b']);
    slots.setPool('p', ['b']);
    slots.released(0, [a]);
    slots.workerGone(1);
    expect(freed).toEqual([a]);
    expect(slots.get('b')).toBe(b);
  });

  test('without rows there is an answer', () => {
    const { slots } = create(1);
    slots.take('a');
    expect(slots.take('b')).toBeNull();
  });

  test('whatever happens, no two endpoints share a row, and nothing is lost', () => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('pool' as const),
        name: fc.constantFrom('p', 'q'),
        ids: fc.subarray(ids),
      }),
      fc.record({
        kind: fc.constant('release' as const),
        worker: fc.constantFrom(0, 1),
        id: fc.constantFrom(...ids),
      }),
      fc.record({ kind: fc.constant('gone' as const), worker: fc.constantFrom(0, 1) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { slots } = create(5);
        const pools = new Map<string, readonly string[]>();
        for (const each of steps) {
          if (each.kind === 'pool') {
            for (const id of each.ids) expect(slots.take(id)).not.toBeNull();
            slots.setPool(each.name, each.ids);
            pools.set(each.name, each.ids);
          } else if (each.kind === 'release') {
            slots.released(each.worker, [slots.get(each.id) ?? 99]);
          } else {
            slots.workerGone(each.worker);
          }
          const used = new Set([...pools.values()].flat());
          for (const id of used) expect(slots.get(id)).toBeDefined();
          const rows = ids.map((id) => slots.get(id)).filter((row) => row !== undefined);
          expect(new Set(rows).size).toBe(rows.length);
        }
        pools.clear();
        for (const name of ['p', 'q']) slots.setPool(name, []);
        for (const worker of [0, 1]) slots.workerGone(worker);
        expect(slots.departing()).toEqual([]);
      }),
    );
  });
});
