// Keywords of Ansible that are accepted because they change nothing, or say what holds anyway.
import { duration, filled } from '../../../model/shape/schema.ts';
import type { Mapping } from '../../../model/value.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { field } from '../../text/fields.ts';
import { earlyField } from '../../text/static-templates.ts';
import { type Entry, entryOf, type MapTree } from '../../text/tree.ts';

/** The keys that count. A note names each of the others, with why nothing comes of it. */
export function withoutUnused(
  collector: DiagnosticsCollector,
  tree: MapTree,
  unused: Readonly<Record<string, string>>,
): readonly Entry[] {
  return tree.entries.filter(({ key, keyAt }) => {
    if (!Object.hasOwn(unused, key)) return true;
    collector.note(keyAt, 'no-effect', `\`${key}\` changes nothing`, { detail: unused[key] ?? '' });
    return false;
  });
}

/**
 * One login serves all tasks of a play. Only root can become the users of its tasks, so a play that
 * becomes somebody else has no other user.
 */
export function sameUsers(
  collector: DiagnosticsCollector,
  task: MapTree,
  {
    becomeUser = 'root',
    remoteUser,
  }: { readonly becomeUser?: string; readonly remoteUser?: string },
): void {
  const isRoot = becomeUser === 'root';
  const of = { ...(!isRoot && { become_user: becomeUser }), remote_user: remoteUser };
  for (const [key, ofPlay] of Object.entries(of)) {
    const user = field(collector, task, key, filled);
    if (user === undefined || user === ofPlay) continue;
    collector.error(
      entryOf(task, key)?.keyAt ?? task.at,
      'unsupported-keyword',
      `a task cannot have another \`${key}\` than its play (${ofPlay ?? 'none'})`,
      {
        hint:
          key === 'remote_user'
            ? `set \`${key}\` on the play, or \`become_user: ${user}\` on the task`
            : 'let the play become root, and the tasks their users',
      },
    );
  }
}

/** `async: 600` with a `poll` is a time limit: a long step runs detached on the host anyway. */
export function asyncTimeout(
  collector: DiagnosticsCollector,
  task: MapTree,
  early: Mapping,
): number | undefined {
  const limit = earlyField(collector, task, 'async', duration, early);
  const poll = earlyField(collector, task, 'poll', duration, early);
  if (poll !== 0 || limit === undefined || limit === 0) return limit === 0 ? undefined : limit;
  collector.error(
    entryOf(task, 'poll')?.keyAt ?? task.at,
    'unsupported-keyword',
    'kmend leaves no step behind: `poll: 0` would not wait for its end',
    { hint: 'leave `poll` out; to start something that stays, use `shell: systemd-run ...`' },
  );
  return undefined;
}
