/// <reference lib="dom" />

/**
 * What is wider than its place is scrolled, by keyboard too: then it takes the focus, with the name of its section. What
 * fits takes none, so that nobody has to tab through every table.
 */
export function markScrollRegions(root: ParentNode): void {
  for (const region of root.querySelectorAll<HTMLElement>('.scroll, pre')) {
    // To measure what is folded would lay it out, each for itself; it is marked once it is opened.
    if (region.closest('details:not([open])')) continue;
    const isScrolled = region.scrollWidth > region.clientWidth + 1;
    if (isScrolled === region.hasAttribute('tabindex')) continue;
    if (isScrolled) {
      const name = region.closest('section, figure')?.querySelector('h2')?.textContent ?? '';
      region.tabIndex = 0;
      region.setAttribute('role', 'group');
      region.setAttribute('aria-label', `${name}, to be scrolled`);
    } else for (const name of ['tabindex', 'role', 'aria-label']) region.removeAttribute(name);
  }
}

/** Now, and whenever the page gets another width or something in it is opened. */
export function watchScrollRegions(): void {
  const mark = (): void => markScrollRegions(document);
  mark();
  addEventListener('resize', mark);
  // It does not bubble.
  document.addEventListener('toggle', mark, true);
}
