/** Stands for `--`, behind which the parser would take an option for a folder. */
export const BETWEEN = '\0--';

/** What is typed for `c2m compare`: with `--` it only tells the two sides apart. */
export function withSides(argv: string[]): string[] {
  return argv[2] === 'compare' ? argv.map((word) => (word === '--' ? BETWEEN : word)) : argv;
}
