import type { Path } from './path.js';

/** Something wrong with a scenario, before anybody knows in which line it stands. */
export interface Finding {
  path: Path;
  message: string;
}
