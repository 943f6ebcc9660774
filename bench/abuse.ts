import { parseArgs } from 'node:util';
import chalk from 'chalk';
import { SHAPES, type ShapeName } from './abuse/abuse-case.js';
import { CASES } from './abuse/cases.js';
import { runCase } from './abuse/run-case.js';
import { canMount } from './abuse/scratch-folder.js';
import { judge } from './abuse/verdict.js';

/**
 * A day's worth of abuse: each flood against a fresh server under a memory limit, with bystanders who talk all the while.
 * `npm run bench:abuse -- NAME...` for some floods, `--shape one`, `--seconds N`, `--list`.
 * Ends with 1 where a server ended, went past its memory, or let the bystanders wait.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '8' },
    shape: { type: 'string' },
  },
});
const seconds = Number(values.seconds);
const unknown = positionals.filter((name) => !CASES.some((each) => each.name === name));
if (values.list) {
  for (const { name, about, shapes } of CASES)
    console.log(`${name.padEnd(18)}${about} ${chalk.dim(`(${shapes.join(', ')})`)}`);
  process.exit(0);
}
if (unknown.length > 0 || !(seconds > 0) || (values.shape !== undefined && !(values.shape in SHAPES))) {
  console.error(
    unknown.length > 0
      ? `no such flood: ${unknown.join(', ')}; --list names them`
      : `--seconds takes a number above 0, --shape one of ${Object.keys(SHAPES).join(', ')}`,
  );
  process.exit(2);
}

// What was mounted and made goes with the process, and servers end with who has started them.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const chosen = CASES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const failed: string[] = [];
let held = 0;
for (const each of chosen) {
  if (each.diskBytes !== undefined && !canMount()) {
    console.log(`${chalk.bold(each.name)}: left out, only root can mount a small disk\n`);
    continue;
  }
  for (const shape of each.shapes) {
    if (values.shape !== undefined && values.shape !== shape) continue;
    if (await runOne(each, shape)) held += 1;
    else failed.push(`${each.name} (${SHAPES[shape].label})`);
  }
}
console.log(
  failed.length === 0
    ? chalk.green(`all ${held} floods held`)
    : chalk.red(`${held} floods held, ${failed.length} did not: ${failed.join(', ')}`),
);
process.exit(failed.length === 0 ? 0 : 1);

async function runOne(each: (typeof CASES)[number], shape: ShapeName): Promise<boolean> {
  console.log(chalk.bold(`${each.name}, ${SHAPES[shape].label}, ${each.store ?? 'lmdb'}: `) + each.about);
  try {
    const { holds, lines } = judge(each, await runCase(each, shape, seconds));
    console.log(`${lines.join('\n')}\n`);
    return holds;
  } catch (error) {
    console.log(`  ${chalk.red('✘')} could not be finished: ${(error as Error).message}\n`);
    return false;
  }
}
