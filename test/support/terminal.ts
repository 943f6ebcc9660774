import { EventEmitter } from 'node:events';
import xterm from '@xterm/headless';

/** A terminal whose screen can be read: the emulator of xterm.js, with nothing to look at. */
export interface TestTerminal {
  /** What a program believes to be its terminal. */
  stream: NodeJS.WriteStream;
  /** What other programs write; an end of a line becomes what the kernel makes of it for a terminal. */
  print(text: string): void;
  /** A user pulls at the window, once all that was written is on the screen. */
  resize(columns: number, rows: number): Promise<void>;
  /** All rows, those that have scrolled off included, from the first to the last that is not empty. */
  rows(): Promise<string[]>;
  isCursorVisible(): Promise<boolean>;
}

/** 80x24, as terminals are when nobody changes them. */
export function testTerminal({ columns = 80, rows = 24 } = {}): TestTerminal {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  let isCursorVisible = true;
  for (const [final, isVisible] of [
    ['h', true],
    ['l', false],
  ] as const) {
    terminal.parser.registerCsiHandler({ prefix: '?', final }, (parameters) => {
      if (parameters.includes(25)) isCursorVisible = isVisible;
      // Whoever else listens is to obey it.
      return false;
    });
  }
  const stream = Object.assign(new EventEmitter(), {
    isTTY: true,
    columns,
    rows,
    write: (text: string) => {
      terminal.write(text);
      return true;
    },
  });
  const parsed = (): Promise<void> => new Promise((resolve) => terminal.write('', resolve));
  return {
    stream: stream as unknown as NodeJS.WriteStream,
    print: (text) => terminal.write(text.replaceAll(/(?<!\r)\n/g, '\r\n')),
    resize: async (toColumns, toRows) => {
      await parsed();
      terminal.resize(toColumns, toRows);
      Object.assign(stream, { columns: toColumns, rows: toRows });
      stream.emit('resize');
    },
    rows: async () => {
      await parsed();
      const { active } = terminal.buffer;
      const all = Array.from({ length: active.length }, (_, index) => active.getLine(index));
      const texts = all.map((line) => line?.translateToString(true).trimEnd() ?? '');
      return texts.slice(0, texts.findLastIndex((text) => text !== '') + 1);
    },
    isCursorVisible: async () => {
      await parsed();
      return isCursorVisible;
    },
  };
}

/** What a session had on its screen before: enough for the next prompt to stand on the last row. */
export function earlierRows(terminal: TestTerminal, prompt = '$ c2m'): string[] {
  const rows = [...Array.from({ length: 30 }, (_, index) => `earlier ${index + 1}`), prompt];
  terminal.print(`${rows.join('\n')}\n`);
  return rows;
}
