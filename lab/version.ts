import { createRequire } from 'node:module';

/** The version in package.json. */
export function packageVersion(): string {
  return (createRequire(import.meta.url)('#package') as { version: string }).version;
}
