import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { recordFixture, writeRecordFolder } from '../fixtures/record.js';
import { testFolder } from '../support/folder.js';
import { CiRepository } from './ci-repository.js';
import { compositeAction, gitlabJob, shellSteps } from './ci-steps.js';

const run = promisify(execFile);

async function shellcheck(shell: 'bash' | 'sh', script: string): Promise<string> {
  const file = join(testFolder(), 'script');
  writeFileSync(file, script);
  const found = await run('shellcheck', [`--shell=${shell}`, '--exclude=SC2154', file]).catch(
    (error: Error & { stdout: string }) => error,
  );
  return found.stdout;
}

describe('the action for GitHub', () => {
  const action = compositeAction();
  const steps = shellSteps();

  test('is a composite one, with a shell for each of its steps', () => {
    expect(action.runs.using).toBe('composite');
    expect(steps.length).toBeGreaterThan(2);
    for (const step of steps) expect(step.shell).toBe('bash');
    for (const { uses } of action.runs.steps) if (uses) expect(uses).toMatch(/^actions\/[\w-]+@v\d+$/);
  });

  test('puts nothing of its inputs into a shell but by the environment', () => {
    for (const { run: script } of steps) expect(script).not.toContain('${{');
  });

  test('uses every input that it has, and none that it has not', () => {
    const used = [...JSON.stringify(action).matchAll(/inputs\.([\w-]+)/g)].map(([, name]) => name);
    expect([...new Set(used)].sort()).toEqual(Object.keys(action.inputs).sort());
    for (const { env, run: script } of steps)
      for (const name of Object.keys(env)) expect(script).toContain(name);
  });

  test.each(steps.map((step) => [step.name, step] as const))(
    'shellcheck has nothing to say of "%s"',
    async (_, step) => {
      expect(await shellcheck('bash', step.run)).toBe('');
    },
  );

  test('runs a scenario, and begins a base line in a branch with a run that passed', async () => {
    const repository = new CiRepository(testFolder());
    const inputs = {
      scenario: 'load/tiny.yaml',
      baseline: 'branch:c2m-baseline:tiny',
      'update-baseline': 'true',
    };
    const passed = await repository.runAction({
      ...inputs,
      set: '\nseed=7\nclients.count=19\ngates.1=connections.peak >= 19\n',
    });
    expect(passed.words).toContain('there is no base line in branch:c2m-baseline:tiny yet');
    expect(passed).toMatchObject({ status: 0, outputs: { status: '0' } });
    expect(passed.summary).toMatch(/^## ✅ Passed: .*tiny/m);
    expect(repository.recordsOf('c2m-baseline')).toHaveLength(1);

    const wrong = await repository.runAction({ ...inputs, set: 'clients.count=some' });
    expect(wrong.words).toMatch(/passed +branch:c2m-baseline:tiny\/\d{8}T/);
    expect(wrong).toMatchObject({ status: 2, outputs: { status: '2' } });
    expect(repository.recordsOf('c2m-baseline')).toHaveLength(1);
  });

  test('compares with a folder, such as an artefact that was downloaded: what is worse fails the job', async () => {
    const repository = new CiRepository(testFolder());
    const before = await writeRecordFolder(recordFixture());
    const after = await writeRecordFolder(recordFixture((record) => (record.messages.lost = 5)));
    const same = await repository.runAction(
      { scenario: 'none', baseline: before, out: before },
      { without: 'run' },
    );
    expect(same.status).toBe(0);
    const worse = await repository.runAction(
      { scenario: 'none', baseline: before, out: after },
      { without: 'run' },
    );
    expect(worse.status).toBe(99);
    expect(worse.words).toContain('::error title=c2m compare::');
    expect(worse.summary).toContain('| messages lost | 0 | 5 | +5 | worse |');
    await Promise.all([before, after].map((folder) => rm(folder, { recursive: true })));
  });

  test('adds its record behind that of another job which has pushed between', async () => {
    const folder = testFolder();
    const repository = new CiRepository(folder);
    const record = await writeRecordFolder(recordFixture());
    const other = await writeRecordFolder(
      recordFixture((each) => {
        each.id = 'another1-0000-4000-8000-000000000000';
      }),
    );
    const inputs = { scenario: 'none', baseline: 'branch:c2m-baseline:chat', 'update-baseline': 'true' };
    const before = await writeRecordFolder(
      recordFixture((each) => {
        each.id = 'before01-0000-4000-8000-000000000000';
      }),
    );
    await repository.runAction({ ...inputs, out: before }, { without: 'run' });
    await repository.push(other, inputs.baseline);
    const { status } = await repository.runAction({ ...inputs, out: record }, { without: 'run' });
    expect(status).toBe(0);
    expect(repository.recordsOf('c2m-baseline')).toHaveLength(3);
    await Promise.all([record, other, before].map((each) => rm(each, { recursive: true })));
  });

  test('lets nothing pass where the base line is there and cannot be read', async () => {
    const repository = new CiRepository(testFolder());
    const damaged = testFolder();
    writeFileSync(join(damaged, 'run.json'), '{');
    const { status, words } = await repository.runAction(
      { scenario: 'none', baseline: damaged },
      { without: 'run' },
    );
    expect(words).toContain('is not JSON');
    expect(words).not.toContain('no base line');
    expect(status).toBe(2);
    const unreachable = { scenario: 'none', baseline: 'branch:c2m-baseline:chat' };
    repository.loseOrigin();
    expect((await repository.runAction(unreachable, { without: 'run' })).status).toBe(128);
  });

  test('compares with what origin has, whatever an earlier job has left here', async () => {
    const repository = new CiRepository(testFolder());
    const baseline = 'branch:c2m-baseline:chat';
    const record = await writeRecordFolder(recordFixture());
    const newer = await writeRecordFolder(
      recordFixture((each) => {
        each.id = 'newer001-0000-4000-8000-000000000000';
      }),
    );
    const update = { scenario: 'none', baseline, 'update-baseline': 'true', out: record };
    await repository.runAction(update, { without: 'run' });
    await repository.push(newer, baseline);
    const { words } = await repository.runAction(
      { scenario: 'none', baseline, out: record },
      { without: 'run' },
    );
    expect(words).toContain('-newer001');
    await Promise.all([record, newer].map((each) => rm(each, { recursive: true })));
  });

  test('of a base line that is no branch it says that nothing can be added there', async () => {
    const repository = new CiRepository(testFolder());
    const given = { scenario: 'none', baseline: 'runs/before', 'update-baseline': 'true' };
    const { status, words } = await repository.runAction(given, { without: 'run' });
    expect({ status, words }).toEqual({
      status: 2,
      words: expect.stringContaining('update-baseline needs a branch as baseline'),
    });
  });
});

describe('the template for GitLab', () => {
  const job = gitlabJob();

  test('hands over the reports that the run writes', () => {
    expect(job.artifacts).toMatchObject({ when: 'always', paths: ['c2m-record'] });
    expect(job.artifacts.reports).toEqual({
      junit: 'c2m-record/junit.xml',
      codequality: 'c2m-record/gl-code-quality-report.json',
      metrics: 'c2m-record/metrics.txt',
    });
  });

  test('uses every variable that it has', () => {
    for (const name of Object.keys(job.variables)) expect(job.script.join('\n')).toContain(`$${name}`);
  });

  test('shellcheck has nothing to say of its script', async () => {
    expect(await shellcheck('sh', job.script.join('\n'))).toBe('');
  });

  test('runs a scenario, keeps a base line in a branch, and takes what an earlier pipeline left for one', async () => {
    const repository = new CiRepository(testFolder());
    const given = { C2M_SCENARIO: 'load/tiny.yaml', C2M_SET: 'seed=3\nclients.connectRate=300/s' };
    const first = await repository.runGitlab({
      ...given,
      C2M_BASELINE: 'branch:c2m-baseline:tiny',
      C2M_UPDATE_BASELINE: 'true',
      C2M_PUSH_URL: repository.origin,
    });
    expect(first.stdout).toContain('there is no base line in branch:c2m-baseline:tiny yet');
    expect(first.status).toBe(0);
    expect(repository.recordsOf('c2m-baseline')).toHaveLength(1);
    for (const file of Object.values(job.artifacts.reports))
      expect(existsSync(join(repository.root, file)), file).toBe(true);
    const report = join(repository.root, 'c2m-record', 'gl-code-quality-report.json');
    expect(JSON.parse(readFileSync(report, 'utf8'))).toEqual([]);

    // The runner lays an artefact where the job before it had the file.
    const second = await repository.runGitlab(given);
    expect(second.stdout).toMatch(/passed +c2m-baseline\n/);
    expect(second.status).toBe(0);
    expect(existsSync(join(repository.root, 'c2m-record', 'comparison.html'))).toBe(true);
  });
});
