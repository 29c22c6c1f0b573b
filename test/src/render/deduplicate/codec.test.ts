import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeShared, encode, sharedType } from '../../../../src/render/deduplicate/codec.ts';
import { parseExact } from '../../../../src/render/dependencies/decode.ts';
import {
  datacentersQuery,
  fileQuery,
  leafQuery,
  parseKey,
  parseKeys,
  parseNode,
  parseNodes,
  parseService,
  parseServices,
} from '../../../../src/render/dependencies/parse-query.ts';
import type { ConsulQuery } from '../../../../src/render/dependencies/query.ts';
import { readAnswer } from '../../../../src/render/dependencies/read-answer.ts';

const text = fc.string({ unit: 'binary', maxLength: 20 });
const base64 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const meta = fc.option(fc.dictionary(text, text, { maxKeys: 3 }));
const index = fc.maxSafeNat();

const instance = fc.record({
  Node: fc.record({ Node: text, ID: text, Address: text, Meta: meta, TaggedAddresses: meta }),
  Service: fc.record({
    ...{ ID: text, Service: text, Address: text, Meta: meta },
    Port: fc.nat(65_535),
    Tags: fc.option(fc.array(text, { maxLength: 3 })),
    Weights: fc.record({ Passing: fc.nat(9), Warning: fc.nat(9) }),
    TaggedAddresses: fc.option(
      fc.dictionary(text, fc.record({ Address: text, Port: fc.nat(9) }), { maxKeys: 2 }),
    ),
  }),
  Checks: fc.array(
    fc.record({ CheckID: text, Status: fc.constantFrom('passing', 'critical'), Output: text }),
    {
      maxLength: 2,
    },
  ),
});

const entry = fc.record({
  Key: text.map((rest) => `p/${rest}`),
  Value: fc.option(base64),
  ModifyIndex: index,
  Flags: index,
});

const answers: readonly (readonly [ConsulQuery, fc.Arbitrary<unknown>])[] = [
  [parseService('web|any', false), fc.array(instance, { maxLength: 4 })],
  [parseServices(''), fc.dictionary(text, fc.array(text, { maxLength: 3 }), { maxKeys: 4 })],
  [
    parseNodes(''),
    fc.array(
      instance.map(({ Node }) => Node),
      { maxLength: 4 },
    ),
  ],
  [parseKeys('p/'), fc.array(entry, { maxLength: 4 })],
  [parseKey('k', true), fc.array(entry, { maxLength: 1 })],
  [datacentersQuery(false), fc.array(text, { maxLength: 4 })],
] as [ConsulQuery, fc.Arbitrary<unknown>][];

describe('what is shared', () => {
  test.each(answers.map(([query, answer]) => [query.id, query, answer] as const))(
    '%s arrives as it was',
    (_, query, answer) => {
      fc.assert(
        fc.property(answer, (given) => {
          const value = readAnswer(query, Buffer.from(JSON.stringify(given)));
          const sent = parseExact(Buffer.from(JSON.stringify(encode(value))));
          expect(decodeShared(sharedType(query)!, sent)).toEqual(value);
        }),
        { numRuns: 200 },
      );
    },
  );

  test('nothing that is about this machine, and no secret, is shared', () => {
    for (const query of [
      parseNode(''),
      parseNodes('~_agent'),
      parseService('web~_agent', false),
      fileQuery('/x'),
      leafQuery('web'),
    ])
      expect(sharedType(query)).toBeNull();
  });

  test('whatever somebody writes there is a value of the type, or refused', () => {
    for (const [query] of answers) {
      const type = sharedType(query)!;
      fc.assert(
        fc.property(fc.jsonValue(), (given) => {
          try {
            encode(decodeShared(type, given));
          } catch (error) {
            expect(error).toBeInstanceOf(TypeError);
          }
        }),
      );
    }
  });
});
