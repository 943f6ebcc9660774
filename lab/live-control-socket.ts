import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { answerRequest, type RunControl } from '../loadgen/coordination/run-control.js';
import { controlFolders, makeControlFolder } from './live-control-folder.js';
import { eachLine } from './socket-lines.js';

/** A run that can be asked, until it is closed. */
export interface Listening {
  /** For the record. */
  notes: string[];
  close(): void;
}

/** Everybody who asks is done in milliseconds. */
const IDLE_MS = 10_000;
const MOST_CONNECTIONS = 16;

/**
 * Lets this user ask a run of this process for changes: over a socket that nobody else can open, with a line of JSON for
 * each request and each answer, the first of them the run's announcement. The folder of it is made where it is not there.
 * Where no socket can be had the run goes on without, and its record has a note.
 */
export async function listenAtSocket(control: RunControl, folders = controlFolders()): Promise<Listening> {
  const made = await makeControlFolder(folders);
  if ('why' in made) return nobody(made.why);
  const path = join(made.folder, `${process.pid}-${control.announce().run}.sock`);
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket.once('close', () => connections.delete(socket)));
    serve(socket, control);
  });
  server.maxConnections = MOST_CONNECTIONS;
  try {
    await once(server.listen(path), 'listening');
    await chmod(path, 0o600);
  } catch (error) {
    server.close();
    return nobody(`${path} cannot be listened at (${(error as NodeJS.ErrnoException).code})`);
  }
  return {
    notes: [],
    // What was answered goes out before.
    close: () => {
      server.close();
      for (const socket of connections) socket.destroySoon();
    },
  };
}

function nobody(why: string): Listening {
  return { notes: [`nobody could change this run while it went on: ${why}`], close: () => undefined };
}

function serve(socket: Socket, control: RunControl): void {
  // Somebody who goes without waiting for the answer is no fault of the run.
  socket.on('error', () => socket.destroy());
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.write(`${JSON.stringify(control.announce())}\n`);
  eachLine(socket, (line) => socket.write(`${JSON.stringify(answerRequest(control, line))}\n`));
}
