import chalk from 'chalk';
import type { ServerStats } from '../protocol/stats.js';
import { printableData, printableJson } from '../record/printable.js';
import { canBeRedrawn, type Frame, type Room, redrawnScreen } from './redrawn-screen.js';
import { topRows } from './top-rows.js';

/** Where looks at something are shown, each with the one before. */
export interface TopView<Look = ServerStats> {
  show(before: Look, now: Look): void;
  /** Nothing more comes; what was shown last stays. */
  end(): void;
}

/** What is shown of two looks. */
export interface TopContent<Look> {
  rows(before: Look, now: Look, room: Room): string[];
  /** For programs. */
  data(before: Look, now: Look): unknown;
}

export interface TopViewOptions {
  once?: boolean;
  json?: boolean;
}

const ONE_SERVER: TopContent<ServerStats> = {
  // Names and versions are the server's.
  rows: (before, now, room) => topRows(printableData(before), printableData(now), room),
  data: (_before, now) => now,
};

/** The looks at one server. */
export function topView(stream: NodeJS.WriteStream, options: TopViewOptions): TopView {
  return looksView(stream, options, ONE_SERVER);
}

/** A terminal is redrawn in place; a pipe, and who looks but once, gets one table behind the other. */
export function looksView<Look>(
  stream: NodeJS.WriteStream,
  { once = false, json = false }: TopViewOptions,
  content: TopContent<Look>,
): TopView<Look> {
  if (json) return jsonView(stream, content);
  return canBeRedrawn(stream) && !once ? redrawnView(stream, content) : tableView(stream, content);
}

function jsonView<Look>(stream: NodeJS.WriteStream, { data }: TopContent<Look>): TopView<Look> {
  return {
    show: (before, now) => stream.write(`${printableJson(data(before, now))}\n`),
    end: () => undefined,
  };
}

function tableView<Look>(stream: NodeJS.WriteStream, content: TopContent<Look>): TopView<Look> {
  // In a pipe each line is as long as it likes, so that `grep` and `awk` find their way.
  const columns = (stream.isTTY && stream.columns) || Number.POSITIVE_INFINITY;
  return {
    show: (before, now) => {
      const rows = content.rows(before, now, { columns, rows: Number.POSITIVE_INFINITY });
      stream.write(`${rows.join('\n')}\n\n`);
    },
    end: () => undefined,
  };
}

function redrawnView<Look>(stream: NodeJS.WriteStream, content: TopContent<Look>): TopView<Look> {
  const screen = redrawnScreen(stream);
  let newest: Frame = () => [];
  return {
    show: (before, now) => {
      newest = (room) => content.rows(before, now, room);
      screen.draw(({ columns, rows }) => [
        ...newest({ columns, rows: rows - 1 }).slice(0, Math.max(0, rows - 1)),
        chalk.dim('Ctrl-C ends'),
      ]);
    },
    end: () => screen.leave(newest),
  };
}
