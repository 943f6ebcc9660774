import type { Completed, CompletedCommand, CompletedOption } from './completed-command.js';

/** A script that completes `c2m` in fish. @param scenarios names of those that ship */
export function fishCompletion(commands: readonly CompletedCommand[], scenarios: readonly string[]): string {
  const whole = commands.filter(({ path }) => !path.includes(' '));
  return [
    '# Completion of c2m for fish. c2m completion fish > ~/.config/fish/completions/c2m.fish',
    'complete -c c2m -f',
    `set -l scenarios ${scenarios.join(' ')}`,
    ...whole.map(
      ({ path, summary }) => `complete -c c2m -n __fish_use_subcommand -a ${path} -d ${quoted(summary)}`,
    ),
    ...commands.flatMap(linesOf),
    '',
  ].join('\n');
}

function linesOf({ path, options, argument, parts }: CompletedCommand): string[] {
  const words = path.split(' ');
  const isThere = words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
  const others = parts.map(({ name }) => name).join(' ');
  const condition = quoted(
    parts.length > 0 ? `${isThere}; and not __fish_seen_subcommand_from ${others}` : isThere,
  );
  return [
    ...parts.map(({ name, summary }) => `complete -c c2m -n ${condition} -a ${name} -d ${quoted(summary)}`),
    ...options.map((option) => `complete -c c2m -n ${condition} ${flags(option)}`),
    ...(argument.kind === 'nothing' ? [] : [`complete -c c2m -n ${condition} ${offer(argument)}`]),
  ];
}

function flags({ names, summary, value }: CompletedOption): string {
  const named = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  return [...named, ...(value ? ['-r', offer(value)] : []), `-d ${quoted(summary)}`]
    .filter(Boolean)
    .join(' ');
}

function offer(completed: Completed): string {
  switch (completed.kind) {
    case 'words':
      return `-a ${quoted(completed.words.join(' '))}`;
    case 'scenarios':
      return '-F -a "$scenarios"';
    case 'folders':
      return "-a '(__fish_complete_directories)'";
    case 'files':
      return '-F';
    case 'nothing':
      return '';
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
