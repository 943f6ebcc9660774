import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { addToBranch } from '../../record/branch/add-to-branch.js';
import { type BranchAddress, parseBranchAddress } from '../../record/branch/branch-address.js';
import { type Ended, startCommand } from '../support/running-command.js';
import { compositeAction, filledIn, gitlabJob, shellSteps } from './ci-steps.js';

const C2M = `${process.execPath} ${resolve('dist/cli/c2m.js')}`;

/** Small enough for a test. */
const SCENARIO = `name: tiny
target: { embedded: { store: memory } }
clients: { count: 20, connectRate: 200/s, connectTimeout: 30s }
messages: { arrival: constant }
phases: [{ name: talk, duration: 1s, rate: 50/s }]
generator: { lagLimit: 1m }
gates:
  - messages.lost == 0
  - connections.peak >= 20
`;

/** A repository as a CI job has it: a clone of a bare origin, with a scenario in a folder. */
export class CiRepository {
  readonly root: string;
  readonly #folder: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(folder: string) {
    this.#folder = folder;
    this.root = join(folder, 'work');
    mkdirSync(join(folder, 'home'));
    const { GITHUB_ACTIONS, GITHUB_STEP_SUMMARY, GITHUB_OUTPUT, GITHUB_WORKSPACE, ...rest } = process.env;
    // A CI job has said to git neither who it is nor what it likes.
    this.#environment = { ...rest, HOME: join(folder, 'home'), GIT_CONFIG_NOSYSTEM: '1' };
    this.#git(folder, 'init', '--quiet', '--bare', '--initial-branch', 'main', 'origin.git');
    this.#git(folder, 'clone', '--quiet', `file://${join(folder, 'origin.git')}`, 'work');
    mkdirSync(join(this.root, 'load'));
    writeFileSync(join(this.root, 'load', 'tiny.yaml'), SCENARIO);
    this.#git(this.root, 'add', '.');
    const who = ['-c', 'user.name=Somebody', '-c', 'user.email=somebody@example.org'];
    this.#git(this.root, ...who, 'commit', '--quiet', '--message', 'Begin');
    this.#git(this.root, 'push', '--quiet', 'origin', 'HEAD:main');
  }

  /** Of a branch of origin. */
  recordsOf(branch: string): string[] {
    const bare = join(this.#folder, 'origin.git');
    const files = this.#git(bare, 'ls-tree', '-r', '--name-only', branch).trim().split('\n');
    return files.filter((file) => file.endsWith('/run.json'));
  }

  /** Another job adds a record to a branch of origin. */
  async push(record: string, baseline: string): Promise<void> {
    const { branch, path } = parseBranchAddress(baseline) as BranchAddress;
    const clone = join(this.#folder, 'other');
    this.#git(this.#folder, 'clone', '--quiet', this.origin, clone);
    await addToBranch(record, { branch, path }, { keep: 20, cwd: clone });
    this.#git(clone, 'push', '--quiet', 'origin', branch);
  }

  /** As when the network is down, or a token has run out. */
  loseOrigin(): void {
    renameSync(join(this.#folder, 'origin.git'), join(this.#folder, 'gone.git'));
  }

  get origin(): string {
    return `file://${join(this.#folder, 'origin.git')}`;
  }

  /**
   * Runs the steps of the action one after the other, as the runner does, until one fails.
   * @param without the step of that id, as if it had been well
   */
  async runAction(
    given: Record<string, string>,
    { without }: { without?: string } = {},
  ): Promise<{ status: number; words: string; summary: string; outputs: Record<string, string> }> {
    const defaults = Object.entries(compositeAction().inputs).map(([name, input]) => [
      name,
      input.default ?? '',
    ]);
    const inputs = { ...Object.fromEntries(defaults), command: C2M, ...given };
    const outputs: Record<string, Record<string, string>> = {};
    const summary = join(this.#folder, 'summary');
    writeFileSync(summary, '');
    let words = '';
    let status = 0;
    for (const step of shellSteps().filter(({ id }) => id === undefined || id !== without)) {
      const output = join(this.#folder, 'output');
      writeFileSync(output, '');
      const environment = Object.fromEntries(
        Object.entries(step.env).map(([name, value]) => [name, filledIn(value, inputs, outputs)]),
      );
      const ended = await this.#shell('bash', ['--noprofile', '--norc', '-eo', 'pipefail'], step.run, {
        ...environment,
        GITHUB_ACTIONS: 'true',
        GITHUB_WORKSPACE: this.root,
        GITHUB_OUTPUT: output,
        GITHUB_STEP_SUMMARY: summary,
      });
      words += ended.stdout + ended.stderr;
      const lines = readFileSync(output, 'utf8').trim().split('\n');
      outputs[step.id ?? step.name] = Object.fromEntries(lines.map((line) => line.split('=')));
      status = ended.status ?? 1;
      if (status !== 0) break;
    }
    return { status, words, summary: readFileSync(summary, 'utf8'), outputs: outputs.run ?? {} };
  }

  /** Runs the script of the job as a runner does: its lines in one shell that ends at the first that fails. */
  async runGitlab(given: Record<string, string>): Promise<Ended> {
    const { variables, script } = gitlabJob();
    return this.#shell('sh', ['-e'], script.join('\n'), {
      ...variables,
      C2M_COMMAND: C2M,
      CI_PROJECT_DIR: this.root,
      ...given,
    });
  }

  async #shell(
    shell: string,
    flags: string[],
    script: string,
    environment: NodeJS.ProcessEnv,
  ): Promise<Ended> {
    const file = join(this.#folder, 'script.sh');
    writeFileSync(file, '');
    appendFileSync(file, `cd ${this.root}\n${script}`);
    return startCommand(shell, [...flags, file], { environment: { ...this.#environment, ...environment } })
      .ended;
  }

  #git(cwd: string, ...words: string[]): string {
    return execFileSync('git', words, {
      cwd,
      encoding: 'utf8',
      env: this.#environment,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }
}
