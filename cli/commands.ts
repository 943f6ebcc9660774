import type { CommandEntry } from './command-entry.js';

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'run',
    summary: 'run a scenario and write its record and report',
    load: async () => (await import('./run.js')).runCommand,
  },
  {
    name: 'init',
    summary: 'write a scenario for a server: asks, or takes flags',
    load: async () => (await import('./init.js')).initCommand,
  },
  {
    name: 'validate',
    summary: 'check scenarios, and say what they do',
    load: async () => (await import('./validate.js')).validateCommand,
  },
  {
    name: 'report',
    summary: 'render the report of a run again',
    load: async () => (await import('./report.js')).reportCommand,
  },
  {
    name: 'compare',
    summary: 'two sets of run records; exit status 99 where the second is worse',
    load: async () => (await import('./compare.js')).compareCommand,
  },
  {
    name: 'baseline',
    summary: 'records in a branch of the repository, to compare with',
    load: async () => (await import('./baseline.js')).baselineCommand,
  },
  {
    name: 'ab',
    summary: 'two variants of a scenario, interleaved, and one verdict',
    load: async () => (await import('./ab.js')).abCommand,
  },
  {
    name: 'capacity',
    summary: 'the highest level of load that holds, and what gave way above it',
    load: async () => (await import('./capacity.js')).capacityCommand,
  },
  {
    name: 'ui',
    summary: 'browse a folder of records: list, reports, trends, comparisons',
    load: async () => (await import('./ui.js')).uiCommand,
  },
  {
    name: 'rate',
    summary: 'change the rate of messages of a run that goes on',
    load: async () => (await import('./rate.js')).rateCommand,
  },
  {
    name: 'stop',
    summary: 'end a run that goes on, as Ctrl-C would',
    load: async () => (await import('./stop.js')).stopCommand,
  },
  {
    name: 'serve',
    summary: 'the reference server alone',
    load: async () => (await import('./serve.js')).serveCommand,
  },
  {
    name: 'agent',
    summary: 'lend this machine to runs of other machines',
    load: async () => (await import('./agent.js')).agentCommand,
  },
  {
    name: 'cluster',
    summary: 'the nodes of a cluster: how they are, drain one, move a home',
    load: async () => (await import('./cluster.js')).clusterCommand,
  },
  {
    name: 'top',
    summary: 'the queues of a running server, live',
    load: async () => (await import('./top.js')).topCommand,
  },
  {
    name: 'reload',
    summary: 'load the handlers of a running server anew',
    load: async () => (await import('./reload.js')).reloadCommand,
  },
  {
    name: 'token',
    summary: 'the tokens of users, for a server with tokenPerUser',
    load: async () => (await import('./user-tokens.js')).tokenCommand,
  },
  {
    name: 'doctor',
    summary: 'what this host can hold, and what to change for more',
    load: async () => (await import('./doctor.js')).doctorCommand,
  },
  {
    name: 'driver',
    summary: 'try what a driver promises against a server',
    load: async () => (await import('./driver-test.js')).driverCommand,
  },
  {
    name: 'scenarios',
    summary: 'the scenarios that ship with the lab',
    load: async () => (await import('./scenarios.js')).scenariosCommand,
  },
  {
    name: 'schema',
    summary: 'the JSON Schema of a scenario, for editors',
    load: async () => (await import('./schema.js')).schemaCommand,
  },
  {
    name: 'completion',
    summary: 'completion for a shell: bash, zsh, fish',
    load: async () => {
      const { completionCommand } = await import('./completion.js');
      return (finish) => completionCommand(finish, COMMANDS);
    },
  },
  {
    name: 'agents',
    summary: 'the machines that are lent to runs, and what they hold',
    load: async () => (await import('./agents.js')).agentsCommand,
  },
];
