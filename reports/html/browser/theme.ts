/// <reference lib="dom" />

/** Colours that the canvas needs, read from the style sheet so that both agree in light, dark and print. */
export interface Colours {
  series: string[];
  text: string;
  quiet: string;
  grid: string;
  phase: string;
  phaseStrip: string;
  alert: string;
  alertFill: string;
  panel: string;
}

/** The colours as they are now; ask again when the theme has changed. */
export function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    series: [1, 2, 3, 4, 5, 6, 7, 8].map((index) => value(`series-${index}`)),
    text: value('text'),
    quiet: value('quiet'),
    grid: value('grid'),
    phase: value('phase'),
    phaseStrip: value('phase-strip'),
    alert: value('alert'),
    alertFill: value('alert-fill'),
    panel: value('panel'),
  };
}

/** Calls back whenever the colours may be others: the toggle, the system's preference, before and after print. */
export function onThemeChange(callback: (isPrinting: boolean) => void): void {
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', () => callback(false));
  document.querySelector('#theme')?.addEventListener('click', () => {
    const isDark = (root.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark';
    root.dataset.theme = isDark ? 'light' : 'dark';
    callback(false);
  });
  addEventListener('beforeprint', () => {
    root.classList.add('printing');
    callback(true);
  });
  addEventListener('afterprint', () => {
    root.classList.remove('printing');
    callback(false);
  });
}
