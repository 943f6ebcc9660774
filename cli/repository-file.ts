import { existsSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';

/**
 * A file as its repository has it, where a CI job says which folder that is: annotations name files so, whatever folder the
 * step was in. Undefined: it is not in there.
 */
export function repositoryFile(file: string): string | undefined {
  const { env: environment } = process;
  const root = environment.GITHUB_WORKSPACE ?? environment.CI_PROJECT_DIR ?? process.cwd();
  const path = relative(root, resolve(file));
  if (path === '' || path.startsWith('..') || isAbsolute(path) || !existsSync(resolve(file)))
    return undefined;
  return path.split(sep).join('/');
}
