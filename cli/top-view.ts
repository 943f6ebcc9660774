import chalk from 'chalk';
import type { ServerStats } from '../protocol/stats.js';
import { printableData, printableJson } from '../record/printable.js';
import { canBeRedrawn, type Frame, type Room, redrawnScreen } from './redrawn-screen.js';
import { topRows } from './top-rows.js';

/** Where the looks at a server are shown. */
export interface TopView {
  show(before: ServerStats, now: ServerStats): void;
  /** Nothing more comes; what was shown last stays. */
  end(): void;
}

/** A terminal is redrawn in place; a pipe, and who looks but once, gets one table behind the other. */
export function topView(
  stream: NodeJS.WriteStream,
  { once = false, json = false }: { once?: boolean; json?: boolean },
): TopView {
  if (json) return jsonView(stream);
  return canBeRedrawn(stream) && !once ? redrawnView(stream) : tableView(stream);
}

function jsonView(stream: NodeJS.WriteStream): TopView {
  return {
    show: (_before, now) => stream.write(`${printableJson(now)}\n`),
    end: () => undefined,
  };
}

function tableView(stream: NodeJS.WriteStream): TopView {
  // In a pipe each line is as long as it likes, so that `grep` and `awk` find their way.
  const columns = (stream.isTTY && stream.columns) || Number.POSITIVE_INFINITY;
  return {
    show: (before, now) => {
      const rows = rowsOf(before, now, { columns, rows: Number.POSITIVE_INFINITY });
      stream.write(`${rows.join('\n')}\n\n`);
    },
    end: () => undefined,
  };
}

function redrawnView(stream: NodeJS.WriteStream): TopView {
  const screen = redrawnScreen(stream);
  let newest: Frame = () => [];
  return {
    show: (before, now) => {
      newest = (room) => rowsOf(before, now, room);
      screen.draw(({ columns, rows }) => [
        ...newest({ columns, rows: rows - 1 }).slice(0, Math.max(0, rows - 1)),
        chalk.dim('Ctrl-C ends'),
      ]);
    },
    end: () => screen.leave(newest),
  };
}

/** Names and versions are the server's. */
function rowsOf(before: ServerStats, now: ServerStats, room: Room): string[] {
  return topRows(printableData(before), printableData(now), room);
}
