import type { Balance } from './model.ts';

/**
 * Choosing an endpoint. A balancer sees candidates and how many requests each has in flight now, over all workers; it
 * answers with an index into the candidates or -1 when none may take work.
 */
export interface Candidate {
  readonly id: string;
  /** Relative share after slow start; 0 takes no new work. */
  readonly weight: number;
  /** False while ejected or otherwise not to be chosen. */
  readonly isOpen: boolean;
  /** Requests in flight over all workers. */
  inFlight(): number;
}

/** What the choice may depend on besides the candidates. `random` returns [0, 1). */
export interface Ask {
  readonly random: () => number;
  /** Text to hash for `hash` balancing; null picks by least connections. */
  readonly key: string | null;
  /** Candidates that were tried already for this request, or null. */
  readonly tried: readonly Candidate[] | null;
}

export interface Balancer {
  /** A changed set of candidates comes as another array. */
  pick(candidates: readonly Candidate[], ask: Ask): number;
}

/** Above this many candidates a few are sampled instead of all being compared. */
const COMPARE_ALL = 64;
const SAMPLES = 3;

export function createBalancer(balance: Balance): Balancer {
  switch (balance.kind) {
    case 'least':
      return new LeastConnections();
    case 'rr':
      return new RoundRobin();
    case 'random':
      return { pick: (candidates, ask) => pickWeighted(candidates, ask) };
    case 'hash':
      return new Hash();
  }
}

function mayTake(candidate: Candidate, ask: Ask): boolean {
  return candidate.weight > 0 && candidate.isOpen && (ask.tried === null || !ask.tried.includes(candidate));
}

/**
 * Fewest requests in flight; equals take turns.
 *
 * With unequal weights `(inFlight + 1) / weight` alone would starve a light endpoint whenever traffic is sparse (a 5 %
 * canary would get nothing), and `inFlight / weight` would flood it. So weighted pools take turns by weight among the
 * endpoints that are not above their share of what is in flight: exact shares in calm, fair concurrency under load.
 */
class LeastConnections implements Balancer {
  #turns = new Turns();
  #next = 0;

  pick(candidates: readonly Candidate[], ask: Ask): number {
    const isEven = hasEvenWeights(candidates);
    if (candidates.length > COMPARE_ALL) return pickOfFew(candidates, ask, isEven);
    return isEven
      ? this.#fewest(candidates, ask)
      : this.#turns.pick(candidates, ask, withinShare(candidates, ask, 0));
  }

  #fewest(candidates: readonly Candidate[], ask: Ask): number {
    const count = candidates.length;
    let best = -1;
    let bestLoad = Number.POSITIVE_INFINITY;
    let index = this.#next < count ? this.#next : 0;
    for (let i = 0; i < count; i++) {
      const candidate = candidates[index]!;
      if (mayTake(candidate, ask)) {
        const load = candidate.inFlight();
        if (load < bestLoad) {
          bestLoad = load;
          best = index;
        }
      }
      index = index + 1 === count ? 0 : index + 1;
    }
    this.#next = best + 1;
    return best;
  }
}

/** Endpoints without weight take no work and so do not make a pool uneven. */
function hasEvenWeights(candidates: readonly Candidate[]): boolean {
  let weight = 0;
  for (const candidate of candidates) {
    if (candidate.weight === 0 || candidate.weight === weight) continue;
    if (weight !== 0) return false;
    weight = candidate.weight;
  }
  return true;
}

/** Smooth weighted turns: an endpoint of weight 5 beside one of weight 1 gets a a b a a a rather than a a a a a b. */
class RoundRobin implements Balancer {
  #turns = new Turns();

  pick(candidates: readonly Candidate[], ask: Ask): number {
    return this.#turns.pick(candidates, ask, () => true);
  }
}

/**
 * Everybody saves up credit by weight; who has most takes the turn and pays what all of them saved. One that is held
 * back saves as well, but no more than a round's worth, so that it catches up without a burst.
 */
class Turns {
  #candidates: readonly Candidate[] = [];
  /** By index. They sum up to about 0, where a newcomer starts. */
  #credits: number[] = [];

  pick(candidates: readonly Candidate[], ask: Ask, isFree: (index: number) => boolean): number {
    if (candidates !== this.#candidates) this.#follow(candidates);
    const round = totalWeight(candidates, ask);
    let best = -1;
    let bestCredit = Number.NEGATIVE_INFINITY;
    let saved = 0;
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[i]!;
      if (!mayTake(candidate, ask)) continue;
      const before = this.#credits[i]!;
      const isHeld = !isFree(i);
      const saves = isHeld ? Math.min(candidate.weight, Math.max(0, round - before)) : candidate.weight;
      const credit = before + saves;
      this.#credits[i] = credit;
      saved += saves;
      if (!isHeld && credit > bestCredit) {
        bestCredit = credit;
        best = i;
      }
    }
    if (best >= 0) this.#credits[best] = bestCredit - saved;
    return best;
  }

  /** A change to the pool leaves the position of the others alone. */
  #follow(candidates: readonly Candidate[]): void {
    const before = new Map(this.#candidates.map((candidate, i) => [candidate.id, this.#credits[i]!]));
    this.#credits = candidates.map((candidate) => before.get(candidate.id) ?? 0);
    this.#candidates = candidates;
  }
}

/**
 * Whether one more request leaves an endpoint, by index, within its share, rounded up, of all that are in flight; or
 * `slack` above. Counts are read once, since other workers change them meanwhile: so there is always one that it does.
 */
function withinShare(candidates: readonly Candidate[], ask: Ask, slack: number): (index: number) => boolean {
  const inFlight = candidates.map((candidate) => (mayTake(candidate, ask) ? candidate.inFlight() : 0));
  const all = inFlight.reduce((sum, count) => sum + count, 0);
  const perWeight = (all + 1) / totalWeight(candidates, ask);
  return (index) => inFlight[index]! < Math.ceil(candidates[index]!.weight * perWeight) + slack;
}

/**
 * Power of choices (Mitzenmacher 2001): of a few drawn by weight, the least loaded. Unequal ones are drawn in the right
 * shares already, so there the first counts, unless it holds clearly more than its share.
 */
function pickOfFew(candidates: readonly Candidate[], ask: Ask, isEven: boolean): number {
  const indices: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const index = pickWeighted(candidates, ask);
    if (index < 0) return -1;
    indices.push(index);
  }
  const drawn = indices.map((index) => candidates[index]!);
  if (!isEven) {
    const isFree = withinShare(drawn, ask, 1);
    return indices.find((_, i) => isFree(i))!;
  }
  const loads = drawn.map((candidate) => candidate.inFlight());
  return indices[loads.indexOf(Math.min(...loads))]!;
}

function pickWeighted(candidates: readonly Candidate[], ask: Ask): number {
  let point = ask.random() * totalWeight(candidates, ask);
  let last = -1;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i]!;
    if (!mayTake(candidate, ask)) continue;
    last = i;
    point -= candidate.weight;
    if (point < 0) return i;
  }
  return last;
}

function totalWeight(candidates: readonly Candidate[], ask: Ask): number {
  let total = 0;
  for (const candidate of candidates) if (mayTake(candidate, ask)) total += candidate.weight;
  return total;
}

/**
 * Rendezvous hashing, weighted: a key keeps its endpoint unless that endpoint leaves, and a newcomer takes only its
 * share. Without a key (no cookie, no header) it balances by least connections.
 */
class Hash implements Balancer {
  #fallback = new LeastConnections();

  pick(candidates: readonly Candidate[], ask: Ask): number {
    if (ask.key === null) return this.#fallback.pick(candidates, ask);
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[i]!;
      if (!mayTake(candidate, ask)) continue;
      const unit = (hashText(candidate.id, hashText(ask.key, FNV_OFFSET)) + 0.5) / 4294967296;
      const score = -candidate.weight / Math.log(unit);
      if (score > bestScore) {
        bestScore = score;
        best = i;
      }
    }
    return best;
  }
}

const FNV_OFFSET = 0x811c9dc5;

/** FNV-1a with a final mix (murmur3's), as an unsigned 32-bit number. */
export function hashText(text: string, seed: number = FNV_OFFSET): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
