import { atAbruptEnd } from '../lab/abrupt-end.js';
import { cutLine } from './line-width.js';

/** What a frame may fill of a terminal. */
export interface Room {
  columns: number;
  rows: number;
}

/** The lines of a frame; what is too wide or too low for the room is cut off. */
export type Frame = (room: Room) => string[];

/**
 * Some rows of a terminal that are drawn again and again, behind whatever was there before.
 *
 * Between two drawings the cursor rests, unseen, on an empty row above the frame. So nobody has to know how many rows
 * the frame takes by now, which changes when the terminal gets narrower and breaks them: all that is below the cursor
 * goes. What somebody else writes meanwhile begins on the empty row and stays, and the frame goes on beneath it.
 */
export interface RedrawnScreen {
  draw(frame: Frame): void;
  /** Takes the frame away, so that what is written next stands in its place. Harmless when there is none. */
  clear(): void;
  /** Leaves a last frame where it is, so that what is written next stands beneath it. Harmless when there was none. */
  leave(last: Frame): void;
}

const ESCAPE = '\u001b[';
const HIDE_CURSOR = `${ESCAPE}?25l`;
const SHOW_CURSOR = `${ESCAPE}?25h`;
/** Terminals that know it show all that comes between at once, the others pass over it. */
const BEGIN_FRAME = `${ESCAPE}?2026h`;
const END_FRAME = `${ESCAPE}?2026l`;
/** Terminals disagree on how wide some characters are: a line that turns out too wide must not take a second row. */
const CLIP_LINES = `${ESCAPE}?7l`;
const WRAP_LINES = `${ESCAPE}?7h`;
const ERASE_TO_END_OF_SCREEN = `${ESCAPE}J`;
const ERASE_TO_END_OF_LINE = `${ESCAPE}K`;

/**
 * A terminal that gets narrower breaks the rows that have become too wide for it. That of VS Code then moves the cursor
 * off its row, and some rows of the frame before stay behind: rows that are no wider than this seldom break.
 */
const WIDEST_FRAME = 80;

/** Whether it is a terminal that can move its cursor. */
export function canBeRedrawn(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && process.env.TERM !== 'dumb';
}

/** A screen on a terminal that `canBeRedrawn`. It draws itself anew when the terminal changes its size. */
export function redrawnScreen(stream: NodeJS.WriteStream): RedrawnScreen {
  let current: Frame | undefined;
  let ending: { release(): void } | undefined;

  const write = (lines: string[], then: string): void => {
    // Line by line, since a terminal that shows an erased screen for a moment flickers.
    const last = lines.length;
    const rows = ['', ...lines].map(
      (line, index) => `${index === last ? ERASE_TO_END_OF_SCREEN : ERASE_TO_END_OF_LINE}${line}`,
    );
    stream.write(
      `${BEGIN_FRAME}${HIDE_CURSOR}${CLIP_LINES}\r${rows.join('\r\n')}${WRAP_LINES}${then}${END_FRAME}`,
    );
  };
  const redraw = (): void => {
    if (!current) return;
    const lines = fittingLines(current, stream);
    write(lines, lines.length === 0 ? '\r' : `\r${ESCAPE}${lines.length}A`);
  };
  /** Ctrl-Z: the shell has the terminal until `fg`. */
  const suspend = (): void => {
    write([], SHOW_CURSOR);
    process.off('SIGTSTP', suspend);
    // Without a listener it stops the process, here.
    process.kill(process.pid, 'SIGTSTP');
    process.on('SIGTSTP', suspend);
    redraw();
  };
  const begin = (): void => {
    stream.on('resize', redraw);
    process.on('SIGTSTP', suspend);
    ending = atAbruptEnd(screen.clear);
  };
  const end = (): void => {
    current = undefined;
    ending?.release();
    process.off('SIGTSTP', suspend);
    stream.off('resize', redraw);
  };
  const screen: RedrawnScreen = {
    draw: (frame) => {
      if (!current) begin();
      current = frame;
      redraw();
    },
    clear: () => {
      if (!current) return;
      end();
      write([], SHOW_CURSOR);
    },
    leave: (last) => {
      if (!current) return;
      const lines = fittingLines(last, stream);
      end();
      write(lines, `\r\n${SHOW_CURSOR}`);
    },
  };
  return screen;
}

/** A terminal scrolls when more is drawn than it has rows, and what has left it cannot be erased. */
function fittingLines(frame: Frame, stream: NodeJS.WriteStream): string[] {
  // 0 where nobody has told the terminal how large it is.
  const columns = Math.min(WIDEST_FRAME, stream.columns || 80);
  // Without the row on which the cursor rests, and one to spare: the terminal may just have lost a row.
  const rows = Math.max(0, (stream.rows || 24) - 2);
  return frame({ columns, rows })
    .slice(0, rows)
    .map((line) => cutLine(line, columns));
}
