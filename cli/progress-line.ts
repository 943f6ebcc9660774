import { canBeRedrawn, redrawnScreen } from './redrawn-screen.js';

/** How far something is. */
export interface ProgressLine {
  show(words: string): void;
  /** What was shown goes where it can, so that what came of it stands in its place. */
  end(): void;
}

/** A terminal shows the last words alone; a pipe gets each that differ from those before. */
export function progressLine(stream: NodeJS.WriteStream): ProgressLine {
  if (canBeRedrawn(stream)) {
    const screen = redrawnScreen(stream);
    return { show: (words) => screen.draw(() => [words]), end: () => screen.clear() };
  }
  let last = '';
  return {
    show: (words) => {
      if (words !== last) stream.write(`${words}\n`);
      last = words;
    },
    end: () => undefined,
  };
}
