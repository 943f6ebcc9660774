import chalk from 'chalk';
import { Command } from 'commander';
import { formatCount, formatSeconds } from '../reports/format.js';
import { alignedRows } from '../reports/terminal.js';
import { expectedDurationMs } from '../scenarios/expected-duration.js';
import { parseScenario } from '../scenarios/load.js';
import { listShippedScenarios } from '../scenarios/shipped.js';
import { ExitStatus, type Finish } from './exit-status.js';

export function scenariosCommand(finish: Finish): Command {
  return new Command('scenarios')
    .description('Lists the scenarios that ship with the lab. `c2m run` takes them by name.')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  c2m scenarios\n  c2m run offline-backlog\n')
    .action(async (options: { json?: true }) => {
      const shipped = (await listShippedScenarios()).map(({ name, path, text }) => {
        const scenario = parseScenario(text, path);
        return {
          name,
          description: scenario.description,
          clients: scenario.clients.count,
          durationSeconds: Math.round(expectedDurationMs(scenario) / 1000),
        };
      });
      if (options.json) {
        process.stdout.write(`${JSON.stringify(shipped, null, 2)}\n`);
      } else {
        const rows = shipped.map(({ name, clients, durationSeconds }) => [
          name,
          formatCount(clients),
          formatSeconds(durationSeconds),
        ]);
        const lines = alignedRows([['Scenario', 'clients', 'takes'], ...rows], (cell, row, column) => {
          if (row === 0) return chalk.dim(cell);
          return column === 0 ? chalk.bold(cell) : cell;
        });
        lines.forEach((line, row) => {
          process.stdout.write(`${line}  ${row === 0 ? '' : shipped[row - 1]?.description}\n`);
        });
      }
      finish(ExitStatus.Passed);
    });
}
