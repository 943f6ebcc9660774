/** The pages of the site, in the order of its menu. A page that is not in here fails the build. */
export const SECTIONS = [
  {
    title: 'The guide',
    pages: [
      'docs/guide/README.md',
      'docs/guide/01-first-run.md',
      'docs/guide/02-reading-the-report.md',
      'docs/guide/03-a-scenario.md',
      'docs/guide/04-a-gate-in-ci.md',
      'docs/guide/05-your-websocket-server.md',
      'docs/guide/06-a-comparison.md',
      'docs/guide/07-two-machines.md',
      'docs/guide/08-two-million.md',
    ],
  },
  {
    title: 'The cookbook',
    pages: [
      'docs/cookbook/README.md',
      'docs/cookbook/tls.md',
      'docs/cookbook/websocket.md',
      'docs/cookbook/come-back.md',
      'docs/cookbook/my-change.md',
      'docs/cookbook/durability.md',
      'docs/cookbook/crash.md',
      'docs/cookbook/groups.md',
      'docs/cookbook/slow-readers.md',
      'docs/cookbook/backlog.md',
      'docs/cookbook/leak.md',
      'docs/cookbook/reload.md',
      'docs/cookbook/limit.md',
    ],
  },
  {
    title: 'Reference',
    pages: [
      'docs/scenario.md',
      'docs/drivers.md',
      'docs/targets.md',
      'docs/run-record.md',
      'docs/api.md',
      'docs/protocol.md',
    ],
  },
  {
    title: 'Operation',
    pages: [
      'docs/ci.md',
      'docs/observability.md',
      'docs/machines.md',
      'docs/server.md',
      'docs/cluster.md',
      'docs/security.md',
    ],
  },
  { title: 'Experiments', pages: ['docs/scaling.md', 'docs/cluster-scaling.md', 'docs/surprises.md'] },
  { title: 'The project', pages: ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'] },
];
