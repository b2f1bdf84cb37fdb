// What becomes of a task that kmend has a better module for, whether it could stay or not.
import { type Way, wayOf } from '../playbook/ansible/better-way.ts';
import type { Outcome } from './account.ts';
import {
  bootMenuOf,
  cmdlineOf,
  grubbyOf,
  grubEditOf,
  readOf,
  rebootOf,
  waitOf,
} from './boot-tasks.ts';
import {
  cordonOf,
  drainModuleOf,
  drainOf,
  readyModuleOf,
  readyOf,
  uncordonOf,
} from './cluster-tasks.ts';
import { type Around, type OldTask, resolved } from './old-task.ts';
import { kernelOf, runtimeOf } from './package-tasks.ts';

type Rewrite = (task: OldTask, around: Around) => Outcome | undefined;

const firstOf =
  (...rewrites: readonly Rewrite[]): Rewrite =>
  (task, around) => {
    for (const rewrite of rewrites) {
      const outcome = rewrite(task, around);
      if (outcome !== undefined) return outcome;
    }
    return undefined;
  };

/** For each hint that `validate` gives at such a task. */
const rewrites: Readonly<Record<Way, Rewrite>> = {
  drain: drainOf,
  uncordon: uncordonOf,
  cordon: cordonOf,
  ready: readyOf,
  boot_argument: firstOf(grubbyOf, bootMenuOf, grubEditOf),
  boot_menu: firstOf(grubbyOf, bootMenuOf),
  cmdline: cmdlineOf,
  runtime: runtimeOf,
  kernel: kernelOf,
  reboot: rebootOf,
};

/**
 * A command that only reads, which a plan runs too. A role may be used elsewhere, so its files
 * change only where they must.
 */
const readIn =
  (playbook: string): Rewrite =>
  (task, around) =>
    task.file.path === playbook ? readOf(task, around) : undefined;

/** Arguments of the boot of which `reboot` knows that they are pending. */
const watched = /cgroup\.memory|cgroup_(?:en|dis)able|systemd\.unified_cgroup_hierarchy/;

/** `reboot` with `when: x is changed`, where a module of kmend now makes that change. */
const pendingOf: Rewrite = (task, around) => {
  const { when } = task.keys;
  const [, name] = /^(\w+)(?: is changed|\.changed)$/.exec(String(when)) ?? [];
  if (task.module !== 'reboot' || name === undefined) return undefined;
  const makers = around.tasks.filter(({ keys }) => keys.register === name);
  const isPending = makers.every(
    (one) =>
      !around.stays(one) &&
      ((watched.test(resolved(one.text, around)) &&
        firstOf(grubbyOf, grubEditOf)(one, around)?.fate === 'replaced') ||
        (kernelOf(one) ?? runtimeOf(one))?.fate === 'replaced'),
  );
  return makers.length > 0 && isPending
    ? {
        fate: 'kept',
        why: '`when_pending` reads the host, not what this run did: after a crash it still reboots',
        edit: {
          module: [task.entry.key, { ...task.args, when_pending: true }],
          without: ['when'],
        },
      }
    : undefined;
};

const others = [drainModuleOf, readyModuleOf, waitOf, pendingOf];

/** Undefined where the task may stay as it is. */
export function rewriteOf(task: OldTask, around: Around): Outcome | undefined {
  const way = wayOf({ ...task.entry, key: task.module });
  return (
    (way && rewrites[way](task, around)) ??
    firstOf(...others, readIn(around.playbook))(task, around)
  );
}
