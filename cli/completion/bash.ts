import type { Completed, CompletedCommand } from './completed-command.js';

/** A script that completes `c2m` in bash. @param scenarios names of those that ship */
export function bashCompletion(commands: readonly CompletedCommand[], scenarios: readonly string[]): string {
  const names = commands.filter(({ path }) => !path.includes(' ')).map(({ path }) => path);
  return `# Completion of c2m for bash. In ~/.bashrc: source <(c2m completion bash)
_c2m() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -le 1 ]; then
    COMPREPLY=($(compgen -W '${[...names, 'help', '--help', '--version'].join(' ')}' -- "$current"))
    return
  fi
  [ "$command" = help ] && { COMPREPLY=($(compgen -W '${names.join(' ')}' -- "$current")); return; }
  case "$command" in
${partCases(commands)}
  esac
  case "$command $previous" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case "$command" in
${commands.map(commandCase).join('\n')}
  esac
}
# Names may hold spaces, and only those of files are to be quoted and get a slash behind them.
_c2m_files() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$@"))
}
_c2m_scenarios() {
  local shipped=$(compgen -W '${scenarios.join(' ')}' -- "$1")
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=(
    $shipped $(compgen -f -X '!*.yaml' -- "$1") $(compgen -f -X '!*.yml' -- "$1") $(compgen -d -- "$1")
  )
}
complete -o nosort -F _c2m c2m 2>/dev/null || complete -F _c2m c2m
`;
}

/** `driver test` is a command of two words. */
function partCases(commands: readonly CompletedCommand[]): string {
  return commands
    .filter(({ parts }) => parts.length > 0)
    .map(({ path, parts }) => {
      const words = parts.map(({ name }) => name);
      return `    '${path}')
      [ "$COMP_CWORD" -eq 2 ] && { COMPREPLY=($(compgen -W '${words.join(' ')} --help' -- "$current")); return; }
      command="$command \${COMP_WORDS[2]}" ;;`;
    })
    .join('\n');
}

function valueCases({ path, options }: CompletedCommand): string[] {
  return options.flatMap(({ names, value }) =>
    value ? [`    ${names.map((name) => `'${path} ${name}'`).join('|')}) ${offer(value)}; return ;;`] : [],
  );
}

function commandCase({ path, options, argument }: CompletedCommand): string {
  const flags = options.flatMap(({ names }) => names.filter((name) => name.startsWith('--')));
  return `    '${path}')
      case "$current" in
        -*) COMPREPLY=($(compgen -W '${flags.join(' ')}' -- "$current")) ;;
        *) ${offer(argument)} ;;
      esac ;;`;
}

function offer(completed: Completed): string {
  switch (completed.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W '${completed.words.join(' ')}' -- "$current"))`;
    case 'scenarios':
      return '_c2m_scenarios "$current"';
    case 'folders':
      return '_c2m_files -d -- "$current"';
    case 'files':
      return '_c2m_files -f -- "$current"';
    case 'nothing':
      return ':';
  }
}
