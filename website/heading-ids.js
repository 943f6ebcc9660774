/**
 * The id of each heading as GitHub gives it, so that a link works on GitHub and on the site alike. Of a name that comes
 * again the second is name-1, and so on.
 */
export function headingIds() {
  const seen = new Map();
  return (text) => {
    const id = text
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(id) ?? 0;
    seen.set(id, times + 1);
    return times === 0 ? id : `${id}-${times}`;
  };
}
