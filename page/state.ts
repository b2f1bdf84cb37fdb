// The page's copy of a run, kept by snapshots and deltas.
import type { RunView, ViewDelta } from '../src/core/view/model.ts';

/** A view has at most so many lines. */
const keptLines = 200;

/** A new view; `view` stays as it is. */
export function applyDelta(view: RunView, delta: ViewDelta): RunView {
  const hosts = [...view.hosts];
  for (const [index, row] of delta.hosts) hosts[index] = row;
  return {
    ...view,
    head: delta.head,
    hosts,
    lines:
      delta.lines.length === 0 ? view.lines : [...view.lines, ...delta.lines].slice(-keptLines),
    done: delta.done.length === 0 ? view.done : [...view.done, ...delta.done],
  };
}
