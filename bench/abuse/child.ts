import { type ChildProcess, fork } from 'node:child_process';
import { builtBenchEntry } from '../entries.js';

/** A process of the benchmark that answers each message with one. */
export interface Child {
  pid: number;
  /** @throws Error where it ends instead, or says nothing in time */
  ask<Answer>(message: unknown, withinMs: number): Promise<Answer>;
  end(): void;
}

export async function startChild(name: 'attacker' | 'bystander'): Promise<Child> {
  const child = fork(builtBenchEntry(name), { serialization: 'advanced' });
  await nextMessage(child, name, 10_000);
  return {
    pid: child.pid as number,
    ask: async <Answer>(message: unknown, withinMs: number) => {
      const answer = nextMessage(child, name, withinMs);
      child.send(message as object, () => undefined);
      return (await answer) as Answer;
    },
    end: () => {
      child.kill('SIGKILL');
    },
  };
}

function nextMessage(child: ChildProcess, name: string, withinMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      child.off('exit', onExit).off('message', onMessage);
    };
    const onMessage = (message: unknown) => {
      done();
      resolve(message);
    };
    const onExit = () => {
      done();
      reject(new Error(`the ${name} ended`));
    };
    const timer = setTimeout(() => {
      done();
      reject(new Error(`the ${name} said nothing for ${Math.round(withinMs / 1000)} s`));
    }, withinMs);
    child.once('exit', onExit).once('message', onMessage);
  });
}
