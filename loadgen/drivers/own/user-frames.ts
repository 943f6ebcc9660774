import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where somebody's own code was when an error was made. */
export interface UserPlace {
  /** `/chat/my-driver.js:12:5` */
  at: string;
  /** The function there, `parse()`; empty: it has no name. */
  name: string;
  /** That of theirs that we have called, or a library: `received()`; empty: it is the same, or has no name. */
  calledBy: string;
}

interface Frame {
  file: string;
  at: string;
  name: string;
}

/** `at async Lines.received (file:///chat/my-driver.js:12:5)`, and the same without a name and the brackets. */
const FRAME =
  /^\s+at (?:(?<name>.*?) \()?(?:async )?(?<file>(?:file:\/\/|\/|[A-Za-z]:[\\/]).*?):(?<line>\d+):(?<column>\d+)\)?$/;

/** Our folder `loadgen`: whatever calls drivers, and whatever drivers call, is in it. */
const OURS = fileURLToPath(new URL('../../', import.meta.url));

/**
 * What a stack tells of the driver in `file` and of the files beside and below it; undefined: nothing. Libraries count as
 * what is called, and not as theirs.
 */
export function userPlaceIn(stack: string | undefined, file: string): UserPlace | undefined {
  const folder = dirname(file) + sep;
  const theirs = framesIn(stack ?? '').filter(
    (frame) =>
      frame.file === file ||
      (frame.file.startsWith(folder) &&
        !frame.file.startsWith(OURS) &&
        !frame.file.includes(`${sep}node_modules${sep}`)),
  );
  const [first, ...callers] = theirs;
  if (!first) return undefined;
  const outer = callers.at(-1)?.name ?? '';
  return { at: first.at, name: first.name, calledBy: outer === first.name ? '' : outer };
}

function framesIn(stack: string): Frame[] {
  return stack.split('\n').flatMap((line) => {
    const { name = '', file, line: row, column } = FRAME.exec(line)?.groups ?? {};
    if (file === undefined) return [];
    const path = pathOf(file);
    return [{ file: path, at: `${path}:${row}:${column}`, name: functionIn(name) }];
  });
}

function pathOf(file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file.replace(/[?#].*$/, '')) : file;
}

/** `async Lines.received [as heard]` is received; what has no name of its own is named after what it belongs to, and tells nothing. */
function functionIn(name: string): string {
  const plain = name.replace(/^async /, '').replace(/ \[as .*\]$/, '');
  const last = plain.slice(plain.lastIndexOf('.') + 1);
  return last === '' || last.includes('<') ? '' : `${last}()`;
}
