import type { Page } from 'playwright-core';

/** Words that a chart has drawn, in pixels of its canvas. */
export interface DrawnLabel {
  chart: string;
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Has the page remember what its charts write; to be called before the page is opened. */
export async function watchLabels(page: Page): Promise<void> {
  await page.addInitScript(`
    window.drawnLabels = new Map();
    const { fillText, clearRect } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.clearRect = function (x, y, width, height) {
      if (width >= this.canvas.width && height >= this.canvas.height) window.drawnLabels.set(this.canvas, []);
      return clearRect.call(this, x, y, width, height);
    };
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
      if (text !== '') {
        const { width, actualBoundingBoxAscent: up, actualBoundingBoxDescent: down } = this.measureText(text);
        const start = this.textAlign === 'center' ? x - width / 2 : /right|end/.test(this.textAlign) ? x - width : x;
        const from = new DOMPoint(start, y - up).matrixTransform(this.getTransform());
        const to = new DOMPoint(start + width, y + down).matrixTransform(this.getTransform());
        const labels = window.drawnLabels.get(this.canvas) ?? [];
        labels.push({ text, left: from.x, right: to.x, top: from.y, bottom: to.y });
        window.drawnLabels.set(this.canvas, labels);
      }
      return fillText.call(this, text, x, y, ...rest);
    };
  `);
}

/** What stands on the charts of the page now. */
export async function labelsOf(page: Page): Promise<DrawnLabel[]> {
  return (await page.evaluate(`[...window.drawnLabels].flatMap(([canvas, labels]) => {
    const chart = canvas.closest('figure')?.id.replace('chart-', '');
    return chart === undefined ? [] : labels.map((label) => ({ chart, ...label }));
  })`)) as DrawnLabel[];
}

/** Pairs of labels of one chart that lie on each other, as `chart: one / other`. */
export function overlaps(labels: readonly DrawnLabel[]): string[] {
  return labels.flatMap((one, index) =>
    labels
      .slice(index + 1)
      .filter(
        (other) =>
          other.chart === one.chart &&
          one.left < other.right &&
          other.left < one.right &&
          one.top < other.bottom &&
          other.top < one.bottom,
      )
      .map((other) => `${one.chart}: ${one.text} / ${other.text}`),
  );
}
