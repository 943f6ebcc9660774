/** The option of `c2m run` that takes its value, a port, behind `=` alone: what follows it is the scenario. */
export const LONE_UI = '--ui';

export function withLoneUi(argv: string[]): string[] {
  return argv[2] === 'run' ? argv.map((word) => (word === LONE_UI ? `${LONE_UI}=0` : word)) : argv;
}
