import { Script } from 'node:vm';
import { PATTERN_FLAGS } from '../../../scenarios/drivers/websocket-pattern.js';
import { ProtocolViolation } from '../driver.js';
import { longestSwiftText } from './pattern-cost.js';

/** After so long it is broken off: meanwhile the agent does nothing else. */
const LONGEST_MS = 1000;

/** What is run with a time limit has to be reached from a script, and only `globalThis` is. */
const WATCHED = Symbol.for('c2m.watched');
const watched = new Script(`globalThis[Symbol.for('c2m.watched')]()`);
const reached = globalThis as { [WATCHED]?: () => unknown };

/**
 * A regular expression that is given texts of a server. Nothing in JavaScript can interrupt one, but the time limit of a script
 * of its own can; as that begins a thread, some 50 µs, only those are watched that could be slow for so long a text.
 */
export class WatchedPattern {
  readonly #pattern: RegExp;
  readonly #longestSwift: number;

  constructor(source: string) {
    this.#pattern = new RegExp(source, PATTERN_FLAGS);
    this.#longestSwift = longestSwiftText(source);
  }

  /**
   * Hot path.
   * @throws ProtocolViolation where it takes too long for this text
   */
  exec(text: string): RegExpExecArray | null {
    return text.length > this.#longestSwift ? this.#execWatched(text) : this.#pattern.exec(text);
  }

  #execWatched(text: string): RegExpExecArray | null {
    reached[WATCHED] = () => this.#pattern.exec(text);
    try {
      return watched.runInThisContext({ timeout: LONGEST_MS }) as RegExpExecArray | null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      throw new ProtocolViolation('SlowPattern', `${this.#pattern} takes too long for what the server sends`);
    } finally {
      delete reached[WATCHED];
    }
  }
}
