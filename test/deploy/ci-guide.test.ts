import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { compositeAction, gitlabJob } from './ci-steps.js';

const guide = readFileSync('docs/ci.md', 'utf8');
const blocks = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text as string);

/** Every `with:` of a step that uses our action. */
function stepsWithAction(node: unknown): { with: Record<string, string> }[] {
  if (Array.isArray(node)) return node.flatMap(stepsWithAction);
  if (typeof node !== 'object' || node === null) return [];
  const { uses } = node as { uses?: string };
  if (uses?.includes('/deploy/ci@')) return [node as { with: Record<string, string> }];
  return Object.values(node).flatMap(stepsWithAction);
}

test('the workflows of docs/ci.md give the action inputs that it has, and those that it needs', () => {
  const { inputs } = compositeAction();
  const steps = blocks.flatMap((text) => stepsWithAction(parse(text)));
  expect(steps).toHaveLength(2);
  for (const step of steps) {
    expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(step.with)));
    expect(step.with.scenario).toBeTruthy();
  }
});

test('the pipelines of docs/ci.md set variables that the template knows', () => {
  const known = Object.keys(gitlabJob().variables);
  const jobs = blocks
    .flatMap((text) => Object.values(parse(text) as Record<string, unknown>))
    .filter((job): job is { extends: string; variables: Record<string, string> } =>
      Object.hasOwn(job as object, 'extends'),
    );
  expect(jobs.length).toBeGreaterThan(2);
  for (const { variables } of jobs) expect(known).toEqual(expect.arrayContaining(Object.keys(variables)));
});
