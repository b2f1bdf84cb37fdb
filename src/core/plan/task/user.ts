// Which user a task runs as: `become` and `become_user`, as in Ansible.
import type { Become } from '../../../model/host.ts';
import type { ModuleTask } from '../../../model/playbook.ts';
import type { AnyModule, ModulePlan } from '../../../model/run/change.ts';

/** Who carries out what a session asks for. */
export interface SessionUser {
  /** Absent = the login user. */
  readonly become?: Become;
  /** The login user, if it is known. */
  readonly login?: string;
}

/** The user of a task; empty = the login user; undefined = that of the session. */
export function userOf(
  { become: asked, becomeUser }: ModuleTask,
  { become, login }: SessionUser,
): string | undefined {
  if (become === undefined) return undefined;
  const becomes = become.fixed?.includes('become') === true ? true : (asked ?? !become.byTask);
  if (!becomes) return login === become.user ? undefined : '';
  const user = become.fixed?.includes('user') === true ? become.user : (becomeUser ?? become.user);
  return user === become.user ? undefined : user;
}

/** Modules other than `command` and `shell` change hosts as root only. */
export function asRootOnly(
  plan: ModulePlan,
  module: AnyModule,
  user: string | undefined,
): ModulePlan {
  const ofHost = plan.changes.some(({ effects }) =>
    effects.some(({ kind }) => hostKinds.has(kind)),
  );
  if (user === undefined || module.asUser !== undefined || !ofHost) return plan;
  const as = user === '' ? 'the login user' : user;
  return {
    changes: [],
    refuse: {
      why: `${module.name} changes the host as root, and this task runs as ${as}`,
      hint: user === '' ? 'set `become: true` on the task or the play' : 'leave out `become_user`',
    },
  };
}

const hostKinds: ReadonlySet<string> = new Set(['run', 'write', 'copy', 'reboot']);
