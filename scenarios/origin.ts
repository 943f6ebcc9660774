import type { Path } from './path.js';
import { placeIn, type ScenarioFile } from './scenario-file.js';

/** Where a value of a scenario stands that is made of several files; of its parts those that stand elsewhere have their own. */
export interface Origin {
  file: ScenarioFile;
  /** In that file. */
  path: Path;
  parts?: ReadonlyMap<string | number, Origin>;
}

/** A value, and where it stands. */
export interface Part {
  content: unknown;
  origin: Origin;
}

export function originAt(origin: Origin, path: Path): Origin {
  return path.reduce<Origin>(
    (at, key) => at.parts?.get(key) ?? { file: at.file, path: [...at.path, key] },
    origin,
  );
}

/** `common.yaml:14`, where the value at `path` of a scenario stands. */
export function placeAt(origin: Origin, path: Path): string {
  const { file, path: there } = originAt(origin, path);
  return placeIn(file, there);
}
