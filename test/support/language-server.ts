import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const PACKAGE = createRequire(import.meta.url).resolve('yaml-language-server/package.json');

/** What editors send a file of YAML to, as VS Code does by its extension for YAML; it reads nothing from the network. */
const SETTINGS: Record<string, unknown> = {
  yaml: {
    schemaStore: { enable: false },
    completion: true,
    hover: true,
    validate: true,
    format: { enable: false },
  },
};

export interface Diagnostic {
  message: string;
  range: { start: { line: number; character: number } };
}

/** A language server with one file open. */
export interface OpenFile {
  /** Of the text as it is: what the editor underlines. */
  diagnostics(): Promise<Diagnostic[]>;
  /** Labels of what it offers behind the first place where the text is. */
  completionBehind(text: string): Promise<string[]>;
  /** What it says of the word. */
  hoverOn(word: string): Promise<string>;
}

interface Message {
  id?: number;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { message: string };
}

/** yaml-language-server in a process of its own, spoken to as editors do: LSP over stdio (https://microsoft.github.io/language-server-protocol). */
export class LanguageServer {
  readonly #child = spawn(
    process.execPath,
    [join(dirname(PACKAGE), 'bin', 'yaml-language-server'), '--stdio'],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  readonly #asked = new Map<number, (message: Message) => void>();
  readonly #diagnosed = new Map<string, (diagnostics: Diagnostic[]) => void>();
  #received = Buffer.alloc(0);
  #newest = 0;

  private constructor() {
    this.#child.stdout.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      for (let message = this.#next(); message; message = this.#next()) this.#take(message);
    });
  }

  static async start(): Promise<LanguageServer> {
    const server = new LanguageServer();
    await server.#ask('initialize', {
      processId: process.pid,
      rootUri: pathToFileURL(process.cwd()).href,
      capabilities: {
        workspace: { configuration: true, didChangeConfiguration: { dynamicRegistration: true } },
        textDocument: { completion: {}, hover: { contentFormat: ['plaintext'] }, publishDiagnostics: {} },
      },
    });
    server.#send({ method: 'initialized', params: {} });
    server.#send({ method: 'workspace/didChangeConfiguration', params: { settings: SETTINGS } });
    return server;
  }

  /** @param file need not be there: its text is what the editor has */
  open(file: string, text: string): OpenFile {
    const uri = pathToFileURL(file).href;
    const diagnosed = new Promise<Diagnostic[]>((resolve) => this.#diagnosed.set(uri, resolve));
    this.#send({
      method: 'textDocument/didOpen',
      params: { textDocument: { uri, languageId: 'yaml', version: 1, text } },
    });
    const at = (offset: number) => {
      const lines = text.slice(0, offset).split('\n');
      const position = { line: lines.length - 1, character: (lines.at(-1) as string).length };
      return { textDocument: { uri }, position };
    };
    return {
      diagnostics: () => diagnosed,
      completionBehind: async (before) => {
        const { result } = await this.#ask(
          'textDocument/completion',
          at(text.indexOf(before) + before.length),
        );
        return (result as { items: { label: string }[] }).items.map(({ label }) => label);
      },
      hoverOn: async (word) => {
        const { result } = await this.#ask('textDocument/hover', at(text.indexOf(word) + 1));
        return (result as { contents: { value: string } } | null)?.contents.value ?? '';
      },
    };
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask(method: string, params: unknown): Promise<Message> {
    this.#newest += 1;
    const id = this.#newest;
    const answered = new Promise<Message>((resolve) => this.#asked.set(id, resolve));
    this.#send({ id, method, params });
    const answer = await answered;
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer;
  }

  #send(message: Message): void {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  /** Undefined: the next message is not there as a whole. */
  #next(): Message | undefined {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [, length] = /content-length: (\d+)/i.exec(this.#received.toString('latin1', 0, end)) ?? [];
    const last = end + 4 + Number(length);
    if (this.#received.length < last) return undefined;
    const body = this.#received.toString('utf8', end + 4, last);
    this.#received = this.#received.subarray(last);
    return JSON.parse(body) as Message;
  }

  #take(message: Message): void {
    const { id, method } = message;
    if (id !== undefined && method === undefined) {
      this.#asked.get(id)?.(message);
      this.#asked.delete(id);
    } else if (method === 'textDocument/publishDiagnostics') {
      const { uri, diagnostics } = message.params as { uri: string; diagnostics: Diagnostic[] };
      this.#diagnosed.get(uri)?.(diagnostics);
    } else if (id !== undefined) {
      // What it asks the editor: for settings, and for schemas that the editor would know of, which are none.
      const items = (message.params as { items?: { section: string }[] } | undefined)?.items;
      const result =
        method === 'workspace/configuration' ? items?.map(({ section }) => SETTINGS[section] ?? null) : null;
      this.#send({ id, result });
    }
  }
}
