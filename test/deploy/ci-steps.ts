import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A step of the composite action that runs a shell. */
export interface ShellStep {
  id?: string;
  name: string;
  shell: string;
  env: Record<string, string>;
  run: string;
  if?: string;
}

export interface CompositeAction {
  name: string;
  description: string;
  inputs: Record<string, { description: string; required?: boolean; default?: string }>;
  outputs: Record<string, { description: string; value: string }>;
  runs: { using: string; steps: (Partial<ShellStep> & { uses?: string; with?: Record<string, string> })[] };
}

export interface GitlabJob {
  image: string;
  variables: Record<string, string>;
  script: string[];
  artifacts: { when: string; paths: string[]; reports: Record<string, string> };
}

export function compositeAction(): CompositeAction {
  return parse(readFileSync('deploy/ci/action.yml', 'utf8'));
}

export function shellSteps(): ShellStep[] {
  return compositeAction().runs.steps.filter((step): step is ShellStep => step.run !== undefined);
}

export function gitlabJob(): GitlabJob {
  return parse(readFileSync('deploy/ci/gitlab.yml', 'utf8'))['.c2m'];
}

/** `${{ inputs.name }}` and `${{ steps.id.outputs.name }}`, as the runner fills them in. */
export function filledIn(
  text: string,
  inputs: Record<string, string>,
  outputs: Record<string, Record<string, string>>,
): string {
  return text.replace(/\$\{\{\s*([\w.-]+)\s*\}\}/g, (_, path: string) => {
    const [context = '', id = '', , name = ''] = path.split('.');
    return (context === 'inputs' ? inputs[id] : outputs[id]?.[name]) ?? '';
  });
}
