import { Command } from 'commander';
import { scenarioJsonSchema } from '../scenarios/json-schema.js';
import { ExitStatus, type Finish } from './exit-status.js';

export function schemaCommand(finish: Finish): Command {
  return new Command('schema')
    .description(
      'Prints the JSON Schema of a scenario, with which editors complete and explain its keys. It ships as ' +
        'scenarios/scenario.schema.json; a scenario names it in a comment: # yaml-language-server: $schema=scenario.schema.json',
    )
    .addHelpText('after', '\nExamples:\n  c2m schema > scenario.schema.json\n')
    .action(() => {
      process.stdout.write(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`);
      finish(ExitStatus.Passed);
    });
}
