/**
 * Fabio's weights. `weight=f` fixes a share of the route; targets without one are dynamic and divide what
 * is left (Fabio, "Traffic Shaping").
 */

/** Sums closer to 1 than this count as 1, so that ten times 0.1 leaves nothing over. */
const ROUNDING = 1e-9;

/**
 * The relative weights of a route's targets, in the order given; only their ratios mean something. `fixed`
 * holds a fraction (0.05 is 5%) or null; zero, negative and non-finite ones count as null, as Fabio has it.
 * Fixed shares over 1, or under 1 with nobody to take the rest, are scaled to 1. Shares that reach 1 leave
 * the dynamic targets with 0.
 */
export function fabioWeights(fixed: readonly (number | null)[]): number[] {
  const shares = fixed.map((share) => (share !== null && share > 0 && Number.isFinite(share) ? share : 0));
  // One share over 1 starves the dynamic ones anyway; scaling by it first keeps huge values finite.
  const unit = shares.reduce((most, share) => Math.max(most, share), 1);
  const dynamic = shares.filter((share) => share === 0).length;
  const sum = shares.reduce((total, share) => total + share / unit, 0);
  if (sum === 0) return shares.map(() => 1);
  const left = 1 - sum < ROUNDING ? 0 : 1 - sum;
  return shares.map((share) => (share === 0 ? left / dynamic : share / unit));
}
