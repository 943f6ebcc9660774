import type { Completed, CompletedCommand, CompletedOption } from './completed-command.js';

/** A script that completes `c2m` in zsh. @param scenarios names of those that ship */
export function zshCompletion(commands: readonly CompletedCommand[], scenarios: readonly string[]): string {
  const whole = commands.filter(({ path }) => !path.includes(' '));
  return `#compdef c2m
# Completion of c2m for zsh. In a folder of $fpath: c2m completion zsh > _c2m; or in ~/.zshrc: source <(c2m completion zsh)
_c2m() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${whole.map(({ path, summary }) => `      ${described(path, summary)}`).join('\n')}
    )
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT -= 1 ))
${partCases(commands)}
  case $command in
${commands.map(commandCase).join('\n')}
  esac
}
_c2m_scenarios() {
  local -a shipped=(${scenarios.join(' ')})
  compadd -a shipped
  _files -g '*.(yaml|yml)'
}
if [ "$funcstack[1]" = _c2m ]; then _c2m "$@"; else compdef _c2m c2m; fi
`;
}

function partCases(commands: readonly CompletedCommand[]): string {
  return commands
    .filter(({ parts }) => parts.length > 0)
    .map(
      ({ path, parts }) => `  if [[ $command == ${path} ]]; then
    if (( CURRENT == 2 )); then
      local -a parts=(${parts.map(({ name, summary }) => described(name, summary)).join(' ')})
      _describe command parts
      return
    fi
    command="$command $words[2]"
    shift words
    (( CURRENT -= 1 ))
  fi`,
    )
    .join('\n');
}

function commandCase({ path, options, argument }: CompletedCommand): string {
  const specs = [...options.flatMap(optionSpecs), quoted(`*:${argument.kind}:${action(argument)}`)];
  return `    ${quoted(path)}) _arguments ${specs.join(' ')} ;;`;
}

function optionSpecs({ names, summary, value }: CompletedOption): string[] {
  const words = summary.replace(/[[\]\\]/g, '\\$&');
  return names.map((name) => quoted(`*${name}[${words}]${value ? `:value:${action(value)}` : ''}`));
}

function action(completed: Completed): string {
  switch (completed.kind) {
    case 'words':
      return `(${completed.words.join(' ')})`;
    case 'scenarios':
      return '_c2m_scenarios';
    case 'folders':
      return '_files -/';
    case 'files':
      return '_files';
    case 'nothing':
      return ' ';
  }
}

function described(name: string, summary: string): string {
  return quoted(`${name}:${summary}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
