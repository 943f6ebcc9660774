import { Command, CommanderError } from 'commander';
import { packageVersion } from '../lab/version.js';
import { printableLines } from '../record/printable.js';
import { COMMANDS } from './commands.js';
import { describeError, ExitStatus, type Finish, statusOfError } from './exit-status.js';
import { withLoneUi } from './lone-ui.js';
import { withSides } from './sides.js';

/**
 * Parses the command line and does what it says.
 * @returns the exit status; the caller lets the process end by itself, so that nothing written is cut off
 */
export async function main(argv: string[]): Promise<ExitStatus> {
  let status: ExitStatus = ExitStatus.Passed;
  try {
    const program = await buildProgram(argv, (ended) => {
      status = ended;
    });
    await program.parseAsync(withLoneUi(withSides(argv)));
    return status;
  } catch (error) {
    // Commander has told already what was wrong with the arguments.
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? ExitStatus.Passed : ExitStatus.WrongInput;
    process.stderr.write(`${printableLines(describeError(error))}\n`);
    return statusOfError(error);
  }
}

/** The whole of the command that is asked for, and the names of the others. */
async function buildProgram([, , first, second]: string[], finish: Finish): Promise<Command> {
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
  const asked = first === 'help' ? second : first;
  for (const { name, summary, load } of COMMANDS) {
    const command = name === asked ? (await load())(finish) : new Command(name);
    command.summary(summary).copyInheritedSettings(program);
    program.addCommand(command.showHelpAfterError(`(c2m ${command.name()} --help says more)`));
    for (const part of command.commands) {
      part
        .copyInheritedSettings(command)
        .showHelpAfterError(`(c2m ${command.name()} ${part.name()} --help says more)`);
    }
  }
  return program;
}
