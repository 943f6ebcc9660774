import { Command, CommanderError } from 'commander';
import { packageVersion } from '../lab/version.js';
import { printableLines } from '../record/printable.js';
import { abCommand } from './ab.js';
import { agentCommand } from './agent.js';
import { agentsCommand } from './agents.js';
import { compareCommand, withSides } from './compare.js';
import { doctorCommand } from './doctor.js';
import { driverCommand } from './driver-test.js';
import { describeError, ExitStatus, type Finish, statusOfError } from './exit-status.js';
import { rateCommand } from './rate.js';
import { reloadCommand } from './reload.js';
import { reportCommand } from './report.js';
import { runCommand } from './run.js';
import { scenariosCommand } from './scenarios.js';
import { serveCommand } from './serve.js';
import { stopCommand } from './stop.js';
import { topCommand } from './top.js';
import { tokenCommand } from './user-tokens.js';

/**
 * Parses the command line and does what it says.
 * @returns the exit status; the caller lets the process end by itself, so that nothing written is cut off
 */
export async function main(argv: string[]): Promise<ExitStatus> {
  let status: ExitStatus = ExitStatus.Passed;
  const program = buildProgram((ended) => {
    status = ended;
  });
  try {
    await program.parseAsync(withSides(argv));
    return status;
  } catch (error) {
    // Commander has told already what was wrong with the arguments.
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? ExitStatus.Passed : ExitStatus.WrongInput;
    process.stderr.write(`${printableLines(describeError(error))}\n`);
    return statusOfError(error);
  }
}

function buildProgram(finish: Finish): Command {
  const program = new Command('c2m')
    .description('Connections, two million: a load-testing and scaling laboratory for messaging servers.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showSuggestionAfterError()
    .showHelpAfterError('(c2m --help lists the commands)')
    .exitOverride();
  program.addHelpText(
    'after',
    `
Examples:
  c2m run quickstart                                   5,000 clients against the built-in server
  c2m run scenarios/chat.yaml --set clients.count=50000
  c2m doctor chat                                      would that fit on this machine?
  c2m compare runs/before runs/after                   fails on a regression

Exit status:
  0 every gate held    99 a gate failed       130 interrupted
  1 not completed       2 the input was wrong, and nothing was started
`,
  );
  for (const make of [
    runCommand,
    reportCommand,
    compareCommand,
    abCommand,
    rateCommand,
    stopCommand,
    serveCommand,
    agentCommand,
    topCommand,
    reloadCommand,
    tokenCommand,
    doctorCommand,
    driverCommand,
    scenariosCommand,
    agentsCommand,
  ]) {
    const command = make(finish).copyInheritedSettings(program);
    program.addCommand(command.showHelpAfterError(`(c2m ${command.name()} --help says more)`));
    for (const part of command.commands) {
      part
        .copyInheritedSettings(command)
        .showHelpAfterError(`(c2m ${command.name()} ${part.name()} --help says more)`);
    }
  }
  return program;
}
