import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Copy, DockerfileParser, type From, type Instruction } from 'dockerfile-ast';

const run = promisify(execFile);

/** What an image would hold, in a folder that stands for its root; and how its container would start. */
export interface BuiltImage {
  root: string;
  entrypoint: string[];
  user: string;
  workdir: string;
}

interface Stage extends BuiltImage {
  env: Record<string, string>;
}

/** What of the sources goes to a build: the lines of .dockerignore after `*` let in what is at the top. */
export function contextFolders(): string[] {
  const lines = readFileSync('.dockerignore', 'utf8').split('\n');
  return lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
}

/**
 * Takes the steps of a Containerfile on this machine, with its own Node for the base image: what COPY copies and RUN runs, each
 * stage in a folder that stands for its root. Commands have to name files from where they are, as ours do. Who owns the files
 * stays as it is.
 * @param folder empty
 */
export async function buildHere(file: string, folder: string): Promise<BuiltImage> {
  const instructions = DockerfileParser.parse(readFileSync(file, 'utf8')).getInstructions();
  const parts: Instruction[][] = [];
  for (const each of instructions) {
    if (each.getKeyword() === 'FROM') parts.push([each]);
    else parts.at(-1)?.push(each);
  }
  const stages = new Map<string, Promise<Stage>>();
  parts.forEach((part, index) => {
    const name = (part[0] as From).getBuildStage() ?? String(index);
    const root = join(folder, name);
    mkdirSync(root);
    stages.set(name, takeSteps(part.slice(1), root, stages));
  });
  const all = await Promise.all(stages.values());
  return all.at(-1) as BuiltImage;
}

async function takeSteps(
  steps: Instruction[],
  root: string,
  stages: ReadonlyMap<string, Promise<Stage>>,
): Promise<Stage> {
  const stage: Stage = { root, entrypoint: [], user: '0:0', workdir: '/', env: {} };
  for (const step of steps) {
    const words = step.getArguments().map((argument) => argument.getValue());
    switch (step.getKeyword()) {
      case 'WORKDIR':
        stage.workdir = words[0] as string;
        mkdirSync(join(root, stage.workdir), { recursive: true });
        break;
      case 'ENV':
        for (const each of words) stage.env[each.split('=')[0] as string] = each.slice(each.indexOf('=') + 1);
        break;
      case 'COPY':
        await copy(step as Copy, words, stage, stages);
        break;
      case 'RUN':
        await takeCommand(step.getArgumentsContent() as string, stage);
        break;
      case 'USER':
        stage.user = words[0] as string;
        break;
      case 'ENTRYPOINT':
        stage.entrypoint = JSON.parse(step.getArgumentsContent() as string);
        break;
      case 'CMD':
        break;
      default:
        throw new Error(`line ${step.getRange().start.line + 1}: ${step.getKeyword()} is not known here`);
    }
  }
  return stage;
}

async function takeCommand(words: string, { root, workdir, env }: Stage): Promise<void> {
  const cwd = join(root, workdir);
  let command = words;
  if (command.startsWith('npm ci --ignore-scripts ')) {
    // The tests run in what this very command has made, from the same lock file: once is enough. What npm writes is copied.
    await copyLinked(resolve('node_modules'), join(cwd, 'node_modules'));
    const lock = join(cwd, 'node_modules/.package-lock.json');
    rmSync(lock);
    cpSync('node_modules/.package-lock.json', lock);
    return;
  }
  if (command.startsWith('npm run build ')) {
    // So is what it compiles.
    await copyLinked(resolve('dist'), join(cwd, 'dist'));
    command = command.replace(/^npm run build && /, '');
  }
  // Of other paths of the image only those that a word begins with.
  const here = command.replaceAll(/ \/(?=[a-z])/g, ` ${root}/`);
  await run('sh', ['-c', here], { cwd, env: { ...process.env, ...env, npm_config_prefer_offline: 'true' } });
}

async function copy(
  step: Copy,
  words: string[],
  stage: Stage,
  stages: ReadonlyMap<string, Promise<Stage>>,
): Promise<void> {
  const from = step.getFromFlag()?.getValue();
  const paths = words.filter((word) => !word.startsWith('--'));
  const target = paths.pop() as string;
  const source = from == null ? resolve('.') : (await (stages.get(from) as Promise<Stage>)).root;
  const to = join(stage.root, target.startsWith('/') ? target : join(stage.workdir, target));
  for (const path of paths) {
    if (from == null && path === '.') {
      for (const name of contextFolders()) cpSync(join(source, name), join(to, name), { recursive: true });
      continue;
    }
    if (from == null && !contextFolders().includes(path))
      throw new Error(`${path} is not let in by .dockerignore`);
    const place = target.endsWith('/') ? join(to, basename(path)) : to;
    if (from == null) cpSync(join(source, path), place, { recursive: true, verbatimSymlinks: true });
    else await copyLinked(join(source, path), place);
  }
}

/** A file or a folder, of files that nobody writes to any more: where the file system can, they are the same ones. */
async function copyLinked(source: string, target: string): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  await run('cp', ['-alT', source, target]).catch(() => run('cp', ['-aT', source, target]));
}
