/**
 * Adjusted p values of many figures that are judged at once, in the order given; a figure whose adjusted p is at most q
 * counts as changed, and then at most the share q of such figures, on average, has not changed at all. Where nothing
 * changed, that share is 1 as soon as one figure counts: so q also bounds how often unchanged code is called changed.
 *
 * Benjamini and Hochberg's step-up, and not Holm or Bonferroni: those ask one figure of 15 for p <= 0.0033, which 5 with
 * 5 runs cannot reach (1/252 = 0.004). Here figures support one another: what slows a server moves most of its
 * latencies. One figure that moves alone needs a run or two more on each side, and the judgement says so.
 * Figures of one run depend on one another; the bound holds for positive dependence, in which latencies stand. For that
 * the p values must be of one direction.
 *
 * Sources: Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", J. of the Royal Statistical Society B 57
 * (1995) 289-300; under dependence: Y. Benjamini, D. Yekutieli, Annals of Statistics 29 (2001) 1165-1188.
 * R: p.adjust(p, "BH").
 */
export function adjustForMany(p: readonly number[]): number[] {
  const order = p.map((_, at) => at).sort((one, other) => p[other]! - p[one]!);
  const adjusted = new Array<number>(p.length);
  let least = 1;
  order.forEach((figure, above) => {
    const rank = p.length - above;
    least = Math.min(least, p[figure]! * (p.length / rank));
    adjusted[figure] = least;
  });
  return adjusted;
}
