/**
 * True where plain data has more than `most` levels of lists and maps. It takes no recursion, which is what such data
 * would exhaust in whoever walks through it afterwards.
 */
export function isNestedDeeper(data: unknown, most: number): boolean {
  const open: { node: unknown; depth: number }[] = [{ node: data, depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { node, depth } = next;
    if (typeof node !== 'object' || node === null) continue;
    if (depth >= most) return true;
    for (const child of Object.values(node)) open.push({ node: child, depth: depth + 1 });
  }
  return false;
}
