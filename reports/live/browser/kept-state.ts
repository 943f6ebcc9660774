/// <reference lib="dom" />
import { markScrollRegions } from '../../html/browser/scroll-regions.js';

const FOCUSABLE = 'a[href], button, input, summary, [tabindex]';

/**
 * Remembers what the reader has opened, scrolled and focused within a place whose content is replaced by one like it.
 * @returns what gives it back to the new content
 */
export function keepState(place: Element): () => void {
  const opened = [...place.querySelectorAll('details')].map(({ open }) => open);
  const scrolled = [...place.querySelectorAll('.scroll, pre')].map(({ scrollLeft }) => scrollLeft);
  const focused = [...place.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement as Element);
  return () => {
    place.querySelectorAll('details').forEach((details, index) => {
      details.open = opened[index] ?? details.open;
    });
    // Before the focus: a region that is scrolled may have it.
    markScrollRegions(place);
    place.querySelectorAll('.scroll, pre').forEach((element, index) => {
      const left = scrolled[index] ?? 0;
      if (left > 0) element.scrollLeft = left;
    });
    if (focused >= 0) {
      const heir = place.querySelectorAll<HTMLElement>(FOCUSABLE)[focused];
      heir?.focus({ preventScroll: true });
    }
  };
}
