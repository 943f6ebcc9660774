/** `c2m run --ui` takes a port behind `=` alone: what follows it is the scenario. */
export function withLoneUi(argv: string[]): string[] {
  return argv[2] === 'run' ? argv.map((word) => (word === '--ui' ? '--ui=0' : word)) : argv;
}
