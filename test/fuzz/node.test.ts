/** The heads of the fuzzer through `node:http`: where we differ, there is a rule with a reason. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generate } from './generator.ts';
import { LIMITS } from './limits.ts';
import { type Difference, differenceTo, type Reading } from './node-compare.ts';
import { NODE_RULES, ruleFor } from './node-rules.ts';
import { NodeServer } from './node-server.ts';
import { type Ours, ourRequest } from './ours.ts';
import { type Request, readRequest } from './reference.ts';
import { dump } from './shrink.ts';

const CASES = 5000;
const BATCH = 50;
const SEED = 3;
const LARGE = LIMITS[0]!;
/** Follows every head. What of it arrives as the body tells how the body was framed. */
const PROBE = Buffer.from('5\r\nhello\r\n0\r\n\r\n');

let server: NodeServer;
beforeAll(async () => {
  server = await NodeServer.start();
});
afterAll(() => server.close());

/** The first generated requests, each with the probe. */
function requests(): Buffer[] {
  const found: Buffer[] = [];
  for (let number = 0; found.length < CASES; number++) {
    const { input } = generate(SEED, number);
    if (input.kind === 'request') found.push(Buffer.concat([input.bytes, PROBE]));
  }
  return found;
}

async function compare(bytes: Buffer): Promise<Difference | null> {
  return differenceTo(await server.read(bytes), named(ourRequest([bytes], LARGE), bytes), bytes, LARGE);
}

/** Our reading. A refusal goes by the name of the reference's rule, which says more than ours. */
function named(ours: Ours<Request>, bytes: Buffer): Reading {
  if (ours.kind !== 'refused') return ours;
  const reference = readRequest(bytes, LARGE);
  return { ...ours, rule: reference.kind === 'refused' ? reference.rule : ours.fault };
}

test(`${CASES} requests are read alike, or there is a reason`, async () => {
  const all = requests();
  for (let start = 0; start < all.length; start += BATCH) {
    const batch = all.slice(start, start + BATCH);
    const found = await Promise.all(batch.map(compare));
    for (const [index, difference] of found.entries()) {
      const text = batch[index]!.toString('latin1');
      if (difference === null || ruleFor(difference, text) !== undefined) continue;
      expect.unreachable(`we: ${difference.ours}, Node: ${difference.node}\n${dump(batch[index]!)}`);
    }
  }
});

test.each(NODE_RULES)('$ours / $node: $reason', async (rule) => {
  const bytes = Buffer.concat([Buffer.from(`${rule.example}\r\n\r\n`, 'latin1'), PROBE]);
  const found = await compare(bytes);
  // A newer Node may have come to agree with us; it may not differ in yet another way.
  if (found === null) return;
  expect(ruleFor(found, bytes.toString('latin1'))?.reason).toBe(rule.reason);
});
