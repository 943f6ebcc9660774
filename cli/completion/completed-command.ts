import type { Argument, Command, Option } from 'commander';
import { LONE_UI } from '../lone-ui.js';

/** What may stand somewhere on the command line. */
export type Completed =
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'scenarios' }
  | { kind: 'folders' }
  | { kind: 'files' }
  /** Anything, and nobody knows what: a count, an address. */
  | { kind: 'nothing' };

export interface CompletedOption {
  /** `-h` and `--help`, as far as there are both. */
  names: string[];
  summary: string;
  /** Undefined: it takes no value. */
  value: Completed | undefined;
}

/** A command as a shell completes it. */
export interface CompletedCommand {
  /** `run`, or `driver test`. */
  path: string;
  summary: string;
  options: CompletedOption[];
  /** What its arguments are. */
  argument: Completed;
  /** Words that follow it; a command that has any does nothing by itself. */
  parts: { name: string; summary: string }[];
}

/** The command, and those that are parts of it. */
export function completedCommands(command: Command, parents: readonly string[] = []): CompletedCommand[] {
  const path = [...parents, command.name()];
  return [
    {
      path: path.join(' '),
      summary: summaryOf(command),
      options: [...command.options.map(completedOption), HELP],
      argument: command.registeredArguments[0] ? completedArgument(command.registeredArguments[0]) : NOTHING,
      parts: command.commands.map((part) => ({ name: part.name(), summary: summaryOf(part) })),
    },
    ...command.commands.flatMap((part) => completedCommands(part, path)),
  ];
}

const NOTHING: Completed = { kind: 'nothing' };
const HELP: CompletedOption = { names: ['-h', '--help'], summary: 'print the help', value: undefined };

function summaryOf(command: Command): string {
  return firstSentence(command.summary() || command.description());
}

function completedOption(option: Option): CompletedOption {
  const { short, long, description, argChoices, flags } = option;
  const takesValue = option.required || (option.optional && long !== LONE_UI);
  return {
    names: [short, long].filter((name) => name !== undefined && name !== null) as string[],
    summary: firstSentence(description),
    value: takesValue ? completedBy(argChoices, flags) : undefined,
  };
}

function completedArgument(argument: Argument): Completed {
  return completedBy(argument.argChoices, `<${argument.name()}>`);
}

/** By what stands in its angle brackets. */
function completedBy(choices: readonly string[] | undefined, flags: string): Completed {
  if (choices) return { kind: 'words', words: choices };
  const [, name = ''] = /[<[]([^>\]]+)/.exec(flags) ?? [];
  if (/scenario/.test(name)) return { kind: 'scenarios' };
  if (/dir|folder|base|record/.test(name)) return { kind: 'folders' };
  return /file/.test(name) ? { kind: 'files' } : NOTHING;
}

function firstSentence(text: string): string {
  return text.split(/(?<=\.)\s|\n/)[0]?.replace(/\.$/, '') ?? '';
}
