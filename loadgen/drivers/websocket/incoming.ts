/** A message of the server that matchers look at; one for all, taken anew for each message. */
export class Incoming {
  text = '';
  /** The named groups of the pattern that fitted last. */
  groups: Readonly<Record<string, string | undefined>> | undefined;
  #json: unknown;
  #isParsed = false;

  /** Hot path. */
  take(text: string): void {
    this.text = text;
    this.#isParsed = false;
  }

  /** Hot path. What it holds as JSON, parsed once for all matchers; undefined: nothing that paths lead into. */
  get json(): unknown {
    if (!this.#isParsed) {
      this.#json = readJson(this.text);
      this.#isParsed = true;
    }
    return this.#json;
  }
}

const OPENING = /^\s*[{[]/;

function readJson(text: string): unknown {
  if (!OPENING.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    // A message that is no JSON after all fits no matcher of JSON.
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
