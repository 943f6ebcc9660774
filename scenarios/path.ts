/** Where a value of a scenario stands: keys of maps and indexes of lists. */
export type Path = (string | number)[];

export function startsWith(path: Path, beginning: Path): boolean {
  return beginning.every((key, index) => path[index] === key);
}
