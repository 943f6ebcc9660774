/**
 * The t below which a value of Student's distribution lies with this probability.
 * @param freedom degrees of it, a whole number from 1
 * @throws RangeError outside of (0, 1), or without freedom
 */
export function studentQuantile(probability: number, freedom: number): number {
  if (!(probability > 0 && probability < 1)) throw new RangeError(`no quantile at ${probability}`);
  if (!(Number.isInteger(freedom) && freedom >= 1)) throw new RangeError(`no quantile of ${freedom} degrees`);
  // t = √ν·tan θ, and θ has bounds.
  let low = -Math.PI / 2;
  let high = Math.PI / 2;
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if ((1 + centralShare(middle, freedom)) / 2 < probability) low = middle;
    else high = middle;
  }
  return Math.sqrt(freedom) * Math.tan((low + high) / 2);
}

/** How probable a value from −t to t is, for t = √ν·tan θ: Abramowitz and Stegun, 26.7.3 and 26.7.4. */
function centralShare(theta: number, freedom: number): number {
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)];
  const isOdd = freedom % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k <= freedom - 2; k += 2) {
    term *= ((k - 1) / k) * cosine ** 2;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (theta + sine * sum) : sine * sum;
}
