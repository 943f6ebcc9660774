import chalk from 'chalk';
import type { CrashLedger } from './crash-ledger.js';
import type { Drained, Population } from './crash-population.js';
import { CrashServer } from './crash-server.js';

const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** Prints a line a round, and judges at the end. */
export class Report {
  readonly #failures: string[] = [];
  readonly #populations: Population[] = [];
  #longestStartMs = 0;
  #told = '';

  /** Whose ledger the next lines tell. */
  watches(population: Population): void {
    this.#populations.push(population);
    this.#told = '';
  }

  line(round: number, what: string, startMs: number, open: Drained): void {
    const { ledger } = this.#populations.at(-1) as Population;
    this.#longestStartMs = Math.max(this.#longestStartMs, startMs);
    const faults = faultsOf(ledger, open);
    const isFine = faults.length === 0;
    console.log(
      `${isFine ? chalk.green('✔') : chalk.red('✘')} ${String(round).padStart(3)}  ${what}; start ${number.format(startMs)} ms\n` +
        chalk.dim(`       ${countsOf(ledger)}, ${open.lost} lost, ${ledger.faults.duplicated} duplicated`),
    );
    // Faults stay in the ledger, so each is told where it is new.
    if (!isFine && faults.join() !== this.#told) {
      for (const words of [...faults, ...open.examples, ...ledger.examples]) {
        console.log(chalk.red(`       ${words}`));
      }
      this.#failures.push(`round ${round}, ${what}: ${faults.join(', ')}`);
    }
    this.#told = faults.join();
  }

  young(servers: number, refused: string[], startMs: number): void {
    this.#longestStartMs = Math.max(this.#longestStartMs, startMs);
    const isFine = refused.length === 0;
    console.log(
      `${isFine ? chalk.green('✔') : chalk.red('✘')} ${servers} servers killed while they began, ${refused.length} of their stores refused`,
    );
    this.#failures.push(...refused);
  }

  skip(words: string): void {
    console.log(chalk.yellow(`  ${words}`));
  }

  fails(where: string, error: Error): void {
    console.log(`${chalk.red('✘')} ${where}: ${error.message}`);
    this.#failures.push(`${where}: ${error.message}`);
    const { ledger } = this.#populations.at(-1) ?? {};
    if (ledger) console.log(chalk.dim(`       ${countsOf(ledger)}`));
  }

  /** What fails in one part leaves the others to be played. */
  async guard(part: string, play: () => Promise<void>): Promise<void> {
    try {
      await play();
    } catch (error) {
      this.fails(part, error as Error);
      this.#populations.at(-1)?.close();
      await CrashServer.killEverything();
    }
  }

  /**
   * @param isWhole false: it was interrupted, and what was not played is not known
   * @returns whether everything held
   */
  finish(isWhole: boolean): boolean {
    const refused = new Map<string, number>();
    const ended = new Map<string, number>();
    for (const population of this.#populations) {
      add(refused, population.ledger.refused);
      add(ended, population.ended);
    }
    const undelivered = this.#populations.reduce((sum, { ledger }) => sum + ledger.undelivered, 0);
    const late = this.#populations.reduce((sum, { ledger }) => sum + ledger.refusedAndDelivered, 0);
    console.log(`\nrefused: ${words(refused)}; connections that the server ended: ${words(ended)}`);
    console.log(
      `members whose mailbox was full: ${number.format(undelivered)}; ` +
        `refused when repeated, and delivered from the first time: ${number.format(late)}; ` +
        `longest start ${number.format(this.#longestStartMs)} ms`,
    );
    for (const failure of this.#failures) console.log(chalk.red(`✘ ${failure}`));
    const holds = this.#failures.length === 0;
    if (holds && !isWhole) console.log('interrupted, and nothing had failed');
    else {
      console.log(
        holds
          ? chalk.green.bold('nothing accepted was lost, nothing came twice unmarked, no store was refused')
          : chalk.red.bold(`${this.#failures.length} failures`),
      );
    }
    return holds;
  }
}

function countsOf(ledger: CrashLedger): string {
  const refused = [...ledger.refused.values()].reduce((sum, count) => sum + count, 0);
  return (
    `${number.format(ledger.sent)} sent, ${number.format(ledger.accepted)} accepted, ${number.format(refused)} refused, ` +
    `${number.format(ledger.delivered)} delivered, ${number.format(ledger.redelivered)} redelivered`
  );
}

function faultsOf(ledger: CrashLedger, open: Drained): string[] {
  const { duplicated, outOfOrder, altered, misdelivered, wronglyRefused } = ledger.faults;
  const counted: [number, string][] = [
    [open.lost, 'accepted and lost'],
    [open.withoutReceipt, 'delivered without a second check mark'],
    [open.unanswered, 'never answered'],
    [open.loggedOut, 'users not let in'],
    [duplicated, 'delivered twice unmarked'],
    [outOfOrder, 'out of order'],
    [altered, 'altered'],
    [misdelivered, 'delivered to the wrong user, or never sent'],
    [wronglyRefused, 'refused though the client kept to the protocol'],
  ];
  const faults = counted
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${number.format(count)} ${what}`);
  // Silence is a server that has stopped; else it is still at it, and the machine may be slow.
  const [waited, silent] = [open.waitedMs, open.silentMs].map((ms) => (ms / 1000).toFixed(1));
  return faults.length > 0 ? [...faults, `waited for ${waited} s, and nothing came for ${silent} s`] : [];
}

function add(sum: Map<string, number>, counts: Map<string, number>): void {
  for (const [name, count] of counts) sum.set(name, (sum.get(name) ?? 0) + count);
}

function words(counts: Map<string, number>): string {
  const each = [...counts].map(([name, count]) => `${name} ${number.format(count)}`);
  return each.length > 0 ? each.join(', ') : 'none';
}
