import { readFileSync } from 'node:fs';

/** A fenced block of a page: ```language file, with the directives that stand right above it. */
interface Block {
  language: string;
  /** What stands behind the language. */
  file: string;
  text: string;
  /** Of comments in HTML, which a reader does not see: `run with: …`. */
  directives: { name: string; value: string }[];
}

const LANGUAGES = new Set(['sh', 'yaml', 'text', 'json', 'js', 'ts']);

/**
 * The commands of a page as one script for bash, in their order, with the files that it shows. The package is there already:
 * it is this checkout, `$CHECKOUT`. Above a block may stand
 *
 *   <!-- run with: --set … -->        put behind each `c2m run` and `c2m ab` in it: a smaller load than a reader wants
 *   <!-- replace: this => that -->    in its text
 *   <!-- run as: … -->                done instead of it
 *   <!-- ends with: 0 or 99 -->       its exit status; else each of its commands ends with 0
 *
 * A command that ends in & is waited for until it says that it is there, and ended with the page.
 */
export function scriptOf(page: string): string {
  const steps = blocksOf(readFileSync(page, 'utf8')).map((block, index) => {
    if (block.language === 'sh') return commands(block, index);
    const isFile = block.file !== '' && !block.file.startsWith('records/');
    return isFile ? writes(block.file, block.text) : '';
  });
  return [PREAMBLE, ...steps].filter(Boolean).join('\n');
}

/** Seconds until a program in the background is there, of a machine that has much else to do. */
const PATIENCE_S = 60;

const PREAMBLE = `set -eu
trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT
if [ ! -d node_modules ]; then
  mkdir -p node_modules/.bin
  ln -s "$CHECKOUT" node_modules/c2m
  printf '#!/bin/sh\\nexec node "%s/dist/cli/c2m.js" "$@"\\n' "$CHECKOUT" > node_modules/.bin/c2m
  chmod +x node_modules/.bin/c2m
fi
sudo() { "$@"; }
# npm takes half a second each time to find what lies here.
npx() { "node_modules/.bin/$@"; }
is_there() {
  for _ in $(seq ${PATIENCE_S * 20}); do
    if grep -qE 'Server is ready|[Ll]istening|lends |http://' "$1"; then return; fi
    kill -0 "$2" 2> /dev/null || break
    sleep 0.05
  done
  cat "$1" >&2
  exit 1
}`;

function writes(file: string, text: string): string {
  return `mkdir -p "$(dirname '${file}')"\ncat > '${file}' <<'END_OF_FILE'\n${text}END_OF_FILE`;
}

function commands({ text, directives }: Block, index: number): string {
  const directive = (wanted: string) => directives.find(({ name }) => name === wanted)?.value;
  const [from, to] = directive('replace')?.split(' => ') ?? [];
  const replaced = from !== undefined && to !== undefined ? text.replaceAll(from, to) : text;
  const more = directive('run with');
  const lines = (directive('run as') ?? replaced)
    .trimEnd()
    .split('\n')
    .map((line) => (more && /\bc2m (run|ab) /.test(line) ? `${line} ${more}` : line));
  const heads = lines.map((line) => `echo '$' ${quoted(line)}`);
  const wanted = directive('ends with')?.split(' or ');
  if (wanted) {
    const check = `case $status in ${wanted.join('|')}) ;; *) echo "it ended with $status"; exit 1 ;; esac`;
    return [...heads, 'status=0', `${lines.join('\n')} || status=$?`, check].join('\n');
  }
  return lines
    .map((line, at) => {
      const log = `background-${index}-${at}.log`;
      const step = line.replace(/^(.*) &$/, `: > ${log}\n$1 > ${log} 2>&1 &\nis_there ${log} $!`);
      return `${heads[at]}\n${step}`;
    })
    .join('\n');
}

function quoted(line: string): string {
  return `'${line.replaceAll("'", "'\\''")}'`;
}

/** @throws Error for a language that no page has, and for a directive that there is not */
function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let directives: Block['directives'] = [];
  let open: Block | undefined;
  for (const line of markdown.split('\n')) {
    const [, language, file = ''] = /^```(\w*) ?(.*)$/.exec(line) ?? [];
    const [, name, value] = /^<!-- (run with|run as|replace|ends with): (.*) -->$/.exec(line) ?? [];
    if (open && language === undefined) open.text += `${line}\n`;
    else if (open) {
      blocks.push(open);
      open = undefined;
    } else if (language !== undefined) {
      if (!LANGUAGES.has(language)) throw new Error(`a block of ${language || 'no language'}: ${line}`);
      open = { language, file, text: '', directives };
      directives = [];
    } else if (name !== undefined && value !== undefined) directives.push({ name, value });
    else if (line.startsWith('<!--')) throw new Error(`no such directive: ${line}`);
    else if (directives.length > 0) throw new Error(`a directive above no block: ${line}`);
  }
  return blocks;
}
