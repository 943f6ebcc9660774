/**
 * Series as the Prometheus text format writes them, `broker_queue_length{queue="in"}`: on the page of a server, and in a
 * scenario that chooses some of them.
 */
export interface WrittenSeries {
  metric: string;
  labels: Map<string, string>;
  /** Where the text goes on behind it. */
  end: number;
}

const METRIC = /[A-Za-z_:][\w:]*/y;
const OPENING = /[ \t]*\{/y;
const LABEL = /\s*([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|(?=\}))/sy;
const CLOSING = /\s*\}/y;

/** The series that stands at `from`; undefined: none does. */
export function readSeries(text: string, from = 0): WrittenSeries | undefined {
  const metric = matchAt(METRIC, text, from)?.[0];
  if (metric === undefined) return undefined;
  const labels = new Map<string, string>();
  let end = from + metric.length;
  const opening = matchAt(OPENING, text, end);
  if (!opening) return { metric, labels, end };
  end += opening[0].length;
  for (let label = matchAt(LABEL, text, end); label; label = matchAt(LABEL, text, end)) {
    const [whole, name = '', value = ''] = label;
    labels.set(name, unescaped(value));
    end += whole.length;
  }
  const closing = matchAt(CLOSING, text, end);
  return closing ? { metric, labels, end: end + closing[0].length } : undefined;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** `\\`, `\"` and `\n`. */
function unescaped(value: string): string {
  return value.replace(/\\(.)/gs, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}
