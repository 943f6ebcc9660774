import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChartPlan, ReportData } from '../../../reports/html/chart-plan.js';
import { reportData } from '../../../reports/html/charts.js';
import { growChart } from '../../../reports/live/chart-growth.js';
import {
  changeBetween,
  type PageChange,
  type PageFrame,
  wholeChange,
} from '../../../reports/live/page-change.js';
import { recordFixture } from '../../fixtures/record.js';
import { reportedRun } from '../../fixtures/reported-run.js';

/** What the script of the page does with a change, without the page. */
function taken(frame: PageFrame, change: PageChange): PageFrame {
  const charts: ChartPlan[] = change.isWhole ? [] : structuredClone(frame.data.charts);
  for (const each of change.charts) {
    const index = charts.findIndex(({ id }) => id === each.id);
    if ('growth' in each) growChart(charts[index] as ChartPlan, each.growth);
    else if (index < 0) charts.push(each.plan);
    else charts[index] = each.plan;
  }
  const left = charts.filter(({ id }) => !change.gone.includes(id));
  return {
    title: change.title,
    parts: { ...(change.isWhole ? {} : frame.parts), ...change.parts },
    data: { ...change.around, charts: left },
  };
}

/** Words below a chart come as HTML. */
function withoutNotes({ data, ...frame }: PageFrame): unknown {
  const charts = [...data.charts]
    .sort((one, other) => one.id.localeCompare(other.id))
    .map((chart) => ({ ...chart, notes: [] }));
  return { ...frame, data: { ...data, charts } };
}

const { record, samples } = recordFixture();

function frameAt(seconds: number, title = 'Running'): PageFrame {
  const data = reportData(reportedRun({ ...record, durationSeconds: seconds }, samples.slice(0, seconds)));
  return { title, parts: { verdict: `<p>${seconds}</p>`, scenario: '<p>the same</p>' }, data };
}

describe('what a page is told', () => {
  test('makes of the page as it was the page as it is, whatever came between', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 31 }), { minLength: 2, maxLength: 6 }), (moments) => {
        let page = frameAt(moments[0] as number);
        for (const [index, moment] of moments.entries()) {
          const before = frameAt(moments[Math.max(0, index - 1)] as number);
          const change = changeBetween(before, frameAt(moment));
          if (change) page = taken(page, JSON.parse(JSON.stringify(change)));
          expect(withoutNotes(page)).toEqual(withoutNotes(frameAt(moment)));
        }
      }),
      { numRuns: 30 },
    );
  });

  test('is the new points of each chart, and the pieces that are others', () => {
    const change = changeBetween(frameAt(20), frameAt(21)) as PageChange;
    expect(Object.keys(change.parts)).toEqual(['verdict']);
    const grown = change.charts.find(({ id }) => id === 'connections');
    expect(grown).toMatchObject({ growth: { kept: 20, xs: [21.002] } });
    expect(JSON.stringify(change).length).toBeLessThan(JSON.stringify(frameAt(21)).length / 4);
  });

  test('is nothing where nothing has changed', () => {
    expect(changeBetween(frameAt(9), frameAt(9))).toBeUndefined();
  });

  test('is the whole page for whoever has another one', () => {
    const whole = frameAt(12);
    const other: PageFrame = {
      title: 'other',
      parts: { old: 'x' },
      data: { ...frameAt(3).data, charts: [] as ReportData['charts'] },
    };
    expect(withoutNotes(taken(other, wholeChange(whole)))).toEqual(withoutNotes(whole));
  });
});
