import { Argument, Command } from 'commander';
import { listShippedScenarios } from '../scenarios/shipped.js';
import type { CommandEntry } from './command-entry.js';
import { bashCompletion } from './completion/bash.js';
import { type CompletedCommand, completedCommands } from './completion/completed-command.js';
import { fishCompletion } from './completion/fish.js';
import { zshCompletion } from './completion/zsh.js';
import { ExitStatus, type Finish } from './exit-status.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** @param entries all commands that there are */
export function completionCommand(finish: Finish, entries: readonly CommandEntry[]): Command {
  return new Command('completion')
    .description('Prints a script that completes commands, flags, scenarios and files of c2m in a shell.')
    .addArgument(new Argument('<shell>', 'which').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      `
Examples:
  c2m completion bash          # in ~/.bashrc: source <(c2m completion bash)
  c2m completion zsh           # in ~/.zshrc, behind compinit: source <(c2m completion zsh)
  c2m completion fish > ~/.config/fish/completions/c2m.fish
`,
    )
    .action(async (shell: keyof typeof SHELLS) => {
      const scenarios = (await listShippedScenarios()).map(({ name }) => name);
      process.stdout.write(SHELLS[shell](await completedOf(entries), scenarios));
      finish(ExitStatus.Passed);
    });
}

/** Every command is loaded for it: what its flags are stands there. */
async function completedOf(entries: readonly CommandEntry[]): Promise<CompletedCommand[]> {
  const nobody: Finish = () => undefined;
  const commands: CompletedCommand[] = [];
  for (const { load, summary } of entries) {
    const command = (await load())(nobody).summary(summary);
    commands.push(...completedCommands(command));
  }
  return commands;
}
