/**
 * c2m for programs: runs a scenario and judges it, starts the reference server, reads and compares records, and gives
 * drivers their types. All of it is loaded where it is used. `docs/api.md` tells it by examples.
 *
 * @packageDocumentation
 */

export {
  type ComparedFigure,
  type CompareOptions,
  type Comparison,
  compare,
  type FigureSample,
  type Records,
} from './compare.js';
export {
  type AdapterClient,
  type AdapterConnection,
  type AdapterDriver,
  type AdapterMessage,
  type Carrier,
  type ClientEvents,
  type ClientRange,
  type CodecClients,
  type CodecDriver,
  type CodecFraming,
  defineDriver,
  type Output,
  type ProtocolPromises,
} from './driver.js';
export { type C2mError, ERROR_CODES, type ErrorCode, isC2mError, type ScenarioIssue } from './errors.js';
export { type LatencySummary, type RunRecord, readRecord } from './record.js';
export { type FinishedRun, type RunOptions, type RunPhase, runScenario, type TimelineSample } from './run.js';
export { type RunningServer, type ServerConfig, startServer } from './server.js';
