import type { RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { firstBreakOf } from '../first-break/first-break.js';
import type { ReportData } from '../html/chart-plan.js';
import { reportData } from '../html/charts.js';
import { escapeHtml, icon } from '../html/markup.js';
import { PART_NAMES, reportParts, reportTitle } from '../html/report-parts.js';
import type { ReportedRun } from '../reported-run.js';
import { runName } from '../run-name.js';
import { LatencyFollower } from './latency-follower.js';
import type { LiveAgents, LivePhase, LivePlan } from './live-plan.js';
import { LiveSamples } from './live-samples.js';
import { alertBlock, type LiveMoment, phaseSentence, progressBlock } from './live-status.js';
import type { PageFrame } from './page-change.js';

/** Places of the page beside those of the report. */
export type LivePartName = 'live-phase' | 'live-progress' | 'live-alerts';

/** A run that goes on as the report that it would have now, from the first second to the report itself. */
export class LiveReport {
  readonly #plan: LivePlan;
  readonly #latencies: LatencyFollower;
  readonly #samples = new LiveSamples();
  #phase: LivePhase | undefined;
  readonly #begun = new Set<string>();
  #agents: LiveAgents | undefined;
  /** The newest; undefined before anybody has logged in. */
  #record: RunRecord | undefined;
  /** As it was written. */
  #finished: ReportedRun | undefined;
  #isOver = false;

  constructor(plan: LivePlan) {
    this.#plan = plan;
    this.#latencies = new LatencyFollower(plan.folder);
  }

  phase({ name, durationMs }: { name: string; durationMs: number | null }, nowMs: number): void {
    this.#begun.add(name);
    this.#phase = { name, seconds: durationMs === null ? null : durationMs / 1000, sinceMs: nowMs };
  }

  agents(agents: LiveAgents): void {
    this.#agents = agents;
  }

  sample(sample: TimelineSample): void {
    this.#samples.add(sample);
  }

  /** What was measured until now. */
  record(record: RunRecord): void {
    this.#record = record;
  }

  /** It is over. @param run its record as it was written; undefined: it left none */
  finished(run: ReportedRun | undefined): void {
    this.#finished = run;
    this.#isOver = true;
  }

  /** Reads the latencies that were recorded since the last time: before a frame, and in no hurry. */
  async followLatencies(): Promise<void> {
    if (!this.#isOver) await this.#latencies.read();
  }

  /** @param nowMs monotonic */
  frame(nowMs: number): PageFrame {
    const status = this.#status(nowMs);
    const run = this.#finished ?? this.#runSoFar();
    if (!run) return this.#waiting(status);
    const data = reportData(run);
    return { title: reportTitle(run), parts: { ...status, ...reportParts(run, data) }, data };
  }

  #runSoFar(): ReportedRun | undefined {
    const samples = [...this.#samples.all];
    if (!this.#record || samples.length === 0) return undefined;
    const record = this.#agents?.lost.length ? this.#record : withoutUnderWay(this.#record);
    return {
      name: runName(this.#plan.folder),
      record,
      samples,
      histograms: this.#latencies.histograms,
      damage: [],
      firstBreak: firstBreakOf(record, samples),
      isGoingOn: true,
    };
  }

  #status(nowMs: number): Record<LivePartName, string> {
    const moment: LiveMoment = {
      plan: this.#plan,
      phase: this.#phase,
      begun: this.#begun,
      agents: this.#agents,
      sample: this.#samples.all.at(-1),
      record: this.#record,
      isOver: this.#isOver,
      nowMs,
    };
    return {
      'live-phase': phaseSentence(moment),
      'live-progress': progressBlock(moment),
      'live-alerts': alertBlock(moment),
    };
  }

  /** Nothing was measured: it begins, or it is over and has left no record. */
  #waiting(status: Record<LivePartName, string>): PageFrame {
    const { scenario, description } = this.#plan;
    const [word, words] = this.#isOver
      ? ['Nothing measured', 'The run ended before anything was measured; the terminal says why.']
      : ['Starting', 'The report begins with the first client who logs in.'];
    const look = this.#isOver ? 'doubtful' : 'going';
    const verdict = `<section class="hero panel"><div class="claim"><h1>${escapeHtml(scenario)}</h1>
<p class="description">${escapeHtml(description)}</p>
<p class="verdict ${look}">${icon(look)}<strong>${word}</strong></p><p>${words}</p></div></section>`;
    // A frame has every place, so that what was in it before is gone.
    const empty = Object.fromEntries(PART_NAMES.map((name) => [name, '']));
    return { title: `${word}: ${scenario}`, parts: { ...empty, ...status, verdict }, data: NO_DATA };
  }
}

/** While its agents live, what is under way is not unknown: the account of it has yet to come. */
function withoutUnderWay(record: RunRecord): RunRecord {
  return { ...record, messages: { ...record.messages, unknown: 0 } };
}

const NO_DATA: ReportData = { durationSeconds: 0, phases: [], marks: [], homeMarks: [], charts: [] };
