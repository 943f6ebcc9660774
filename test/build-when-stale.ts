import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { TestProject } from 'vitest/node';

const OPTIONS = 'tsconfig.build.json';

/**
 * Before the first test, and before they run again in watch mode: child processes run dist/, and what they run must be what is
 * tested. A look at a thousand files takes a few milliseconds; only what is stale is built.
 */
export default function setup(project: TestProject): void {
  buildWhenStale();
  project.onTestsRerun(async () => buildWhenStale());
}

function buildWhenStale(): void {
  const stale = staleSource();
  if (stale === undefined) return;
  process.stderr.write(`dist/ is older than ${stale}: building …\n`);
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 'inherit', 'inherit'] });
}

/** A source that is not built, or was changed since; undefined: there is none. */
export function staleSource(root = '.'): string | undefined {
  const { include } = JSON.parse(readFileSync(join(root, OPTIONS), 'utf8')) as { include: string[] };
  const changedMs = timeOf(join(root, OPTIONS)) ?? 0;
  return include
    .flatMap((name) => sourcesIn(root, name))
    .find((source) => {
      const builtMs = timeOf(join(root, 'dist', source.replace(/\.ts$/, '.js')));
      const sourceMs = timeOf(join(root, source)) ?? 0;
      return builtMs === undefined || builtMs < Math.max(sourceMs, changedMs);
    });
}

function sourcesIn(root: string, name: string): string[] {
  if (name.endsWith('.ts')) return [name];
  return readdirSync(join(root, name), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /(?<!\.d)\.ts$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function timeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
