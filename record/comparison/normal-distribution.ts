/** How probable a standard normal value above `z` is; correct to 12 digits for z >= 0. */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  return z < 3 ? 0.5 - density * areaFromZero(z) : density / laplaceFraction(z);
}

/** The z below which a standard normal value lies with this probability. @throws RangeError outside of (0, 1) */
export function normalQuantile(probability: number): number {
  if (!(probability > 0 && probability < 1)) throw new RangeError(`no quantile at ${probability}`);
  let low = -40;
  let high = 40;
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (normalTail(middle) > 1 - probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** z + z³/3 + z⁵/15 + …; G. Marsaglia, "Evaluating the normal distribution", J. of Statistical Software 11 (2004). */
function areaFromZero(z: number): number {
  let sum = z;
  let term = z;
  for (let odd = 3; term > sum * 1e-17; odd += 2) {
    term *= (z * z) / odd;
    sum += term;
  }
  return sum;
}

/** z + 1/(z + 2/(z + …)), Laplace's; Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.2.14. */
function laplaceFraction(z: number): number {
  let fraction = z;
  for (let step = 100; step > 0; step -= 1) fraction = z + step / fraction;
  return fraction;
}
