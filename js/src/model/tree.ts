/** The shape of a tree that is given as the depth of each row in depth-first order. All passes are linear. */

export interface Shape {
  /** For each row, the row after the last of its subtree. */
  readonly ends: Int32Array;
  /** For each row, its parent's row, or -1. */
  readonly parents: Int32Array;
  /** For each row, its place among its siblings, from 1. */
  readonly places: Int32Array;
  readonly rootCount: number;
}

export function shapeOf(depth: Int32Array): Shape {
  const ends = new Int32Array(depth.length).fill(depth.length);
  const parents = new Int32Array(depth.length).fill(-1);
  const places = new Int32Array(depth.length);
  const path: number[] = [];
  const childrenSeen = new Int32Array(depth.length);
  let rootCount = 0;
  for (let row = 0; row < depth.length; row++) {
    const level = depth[row] ?? 0;
    while (path.length > level) ends[path.pop() as number] = row;
    const parent = path.at(-1) ?? -1;
    parents[row] = parent;
    if (parent === -1) {
      rootCount += 1;
      places[row] = rootCount;
    } else {
      childrenSeen[parent] = (childrenSeen[parent] ?? 0) + 1;
      places[row] = childrenSeen[parent] ?? 1;
    }
    path.push(row);
  }
  return { ends, parents, places, rootCount };
}

/** Lists the rows that no collapsed ancestor hides. */
export function visibleRows(shape: Shape, isCollapsed: (row: number) => boolean): Int32Array {
  const { ends } = shape;
  const rows = new Int32Array(ends.length);
  let count = 0;
  for (let row = 0; row < ends.length; ) {
    rows[count] = row;
    count += 1;
    row = isCollapsed(row) ? (ends[row] ?? ends.length) : row + 1;
  }
  return rows.subarray(0, count);
}

/** Finds a row in a sorted list: its index, or that of the last row before it. */
export function lastAtOrBefore(rows: Int32Array, row: number): number {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((rows[middle] ?? 0) <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}
