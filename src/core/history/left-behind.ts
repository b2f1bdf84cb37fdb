// What a drain left on its node, by the journal. If it left anything, the node is not drained.
import { isList, type Mapping } from '../../model/value.ts';
import type { HostState } from '../run-state/state.ts';

const named = (data: Mapping, field: string): readonly string[] => {
  const names = data[field];
  return isList(names) ? names.map(String) : [];
};

/** Pods and volumes, by name, of a drain's data. */
export const leftBehind = (data: Mapping = {}): readonly string[] => [
  ...named(data, 'left'),
  ...named(data, 'arrived'),
];

export const leftBehindOn = ({ results }: Pick<HostState, 'results'>): readonly string[] =>
  leftBehind(results.drain?.data);

/** A command of the play has drained the node, and none has uncordoned it since. */
export const drainedByCommand = ({ tasks }: Pick<HostState, 'tasks'>): boolean =>
  tasks.findLast(({ sets }) => sets?.kmend_drain !== undefined)?.sets?.kmend_drain === 'command';
