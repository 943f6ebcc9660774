import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** All that is compiled, as tsconfig.build.json says, in order. */
export function sourceFiles(): string[] {
  const { include } = JSON.parse(readFileSync('tsconfig.build.json', 'utf8')) as { include: string[] };
  return include.flatMap((name) => (name.endsWith('.ts') ? [name] : filesIn(name, '.ts'))).sort();
}

/** Paths of the files in a folder and in those within it. */
export function filesIn(folder: string, ending: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
