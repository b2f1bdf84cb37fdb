// Tasks that the machine that runs kmend does for a host: whose machine a task names, as whom it
// runs there, and what its plan is then.
import type { Result } from '../../../expression/index.ts';
import type { Place } from '../../../model/diagnostic.ts';
import type { ModuleTask } from '../../../model/playbook.ts';
import { present } from '../../../model/present.ts';
import type { AnyModule, Change, ModulePlan } from '../../../model/run/change.ts';
import type { Effect } from '../../../model/run/effect.ts';
import { quote } from '../../../model/text/quote.ts';

/** A name of the machine that runs kmend. */
export const isHere = (name: string): boolean =>
  /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(name);

/** Why a task is not delegated to another host. */
export const ownSlot =
  'each host has its own slot: put the task into a play of that host, or let this machine do it';

export type Where =
  | { readonly kind: 'host' }
  | { readonly kind: 'local' }
  | { readonly kind: 'later'; readonly why: string }
  | { readonly kind: 'wrong'; readonly message: string; readonly place: Place };

/**
 * Whose machine this task runs on, by its rendered `delegate_to`. A host that names itself is meant
 * as if it named none.
 */
export function whereOf(
  rendered: Result,
  { place }: ModuleTask,
  { name, delegable }: AnyModule,
  host: string,
): Where {
  if (rendered.kind === 'unknown') return { kind: 'later', why: rendered.why };
  if (rendered.kind === 'error')
    return { kind: 'wrong', message: `delegate_to: ${rendered.message}`, place };
  const to = String(rendered.value);
  if (to === host) return { kind: 'host' };
  if (!isHere(to))
    return { kind: 'wrong', message: `delegate_to ${to} is another host, and ${ownSlot}`, place };
  if (delegable === undefined) return { kind: 'wrong', message: notHere(name), place };
  return { kind: delegable === 'anywhere' ? 'host' : 'local' };
}

export const notHere = (module: string): string =>
  `\`${module}\` changes hosts, and never the machine that runs kmend`;

/** Why the task cannot run on this machine as whom it asks for; `user` runs kmend. */
export function notAs({ delegate, becomeUser = 'root' }: ModuleTask, user: string) {
  if (delegate?.becomes !== true || becomeUser === user) return undefined;
  return `kmend runs as ${user} and becomes nobody else on this machine: leave \`become\` out, or run kmend as ${becomeUser}`;
}

const shown = (what: string): string => `on this machine: ${what}`;

/**
 * A change of a file of this machine. It is of no host: other hosts of the run may change the same
 * file, and no rollback restores it.
 */
export const isFileHere = ({ what }: Pick<Change, 'what'>): boolean =>
  what.startsWith(shown('file /'));

const notRolledBack = 'no rollback restores files of this machine';

/** What is known of a command that runs on this machine. */
export interface LocalCommand {
  /** Of the playbook: commands run there, as in Ansible. */
  readonly directory: string;
  /** Puts back what was kept apart from the text of the command. */
  readonly title: (text: string) => string;
  readonly script: (text: string) => string;
  /** What it does to the node of the host. */
  readonly drains?: 'drain' | 'uncordon';
}

/**
 * The plan of a task that this machine does: what a module would run on the host becomes an effect
 * here, and promises nothing of the host.
 */
export function localPlan(plan: ModulePlan, command: LocalCommand): ModulePlan {
  const { promises: _promises, ...rest } = plan;
  const { drains, title } = command;
  const changes = plan.changes.map(
    (change): Change => ({
      ...change,
      what: shown(title(change.what)),
      ...(drains === 'drain' ? { risk: 'evict' } : {}),
      effects: change.effects.map((effect) => localEffect(effect, command)),
    }),
  );
  const { unmet, note } = plan;
  return {
    ...rest,
    changes,
    ...(unmet && { unmet: { ...unmet, evidence: shown(title(unmet.evidence)) } }),
    ...(note === undefined ? {} : { note: shown(title(note)) }),
    ...(drains !== undefined && changes.length > 0
      ? { sets: { kmend_drain: drains === 'drain' ? 'command' : 'undone' } }
      : {}),
  };
}

/**
 * The plan of a task that changes files of this machine. Nothing of the host is changed, so the risk
 * is that of a file that nobody reads.
 */
export function localFilePlan(plan: ModulePlan, directory: string): ModulePlan {
  const { promises: promisesHere, ...rest } = plan;
  const asIs = (text: string): string => text;
  const local = localPlan(rest, { directory, title: asIs, script: asIs });
  const changes = local.changes.map(
    (change): Change => ({ ...change, risk: 'write', effects: change.effects.map(attached) }),
  );
  const note = changes.length === 0 ? local.note : notRolledBack;
  const root = changes.find(({ sign, what }) => sign === '-' && isAround(what, directory));
  if (root !== undefined)
    return { changes: [], refuse: { why: `${root.what} has the playbook in it` } };
  return { ...local, changes, ...present({ note, promisesHere }) };
}

const isAround = (what: string, directory: string): boolean =>
  `${shown('file ')}${pathHere(directory, '')}/`.startsWith(`${what}/`);

/** It is short, and may be done again: its end is not kept apart from kmend. */
const attached = (effect: Effect): Effect =>
  effect.kind === 'local' ? { ...effect, stdin: effect.stdin ?? '' } : effect;

/** Arguments with a path that may be relative. */
export const pathKeysHere: readonly string[] = ['path', 'dest'];

/**
 * A path of this machine, from the directory of the playbook. `.` and `..` are resolved, also where
 * something in between is a link.
 */
export function pathHere(path: string, directory: string): string {
  const parts: string[] = [];
  const all = path.startsWith('/') ? path : `${directory}/${path}`;
  for (const part of all.split('/'))
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  return `/${parts.join('/')}${path.endsWith('/') && parts.length > 0 ? '/' : ''}`;
}

/** A wait is on the clock of kmend anyway. */
function localEffect(effect: Effect, { directory, title, script }: LocalCommand): Effect {
  const what = shown(title(effect.what));
  if (effect.kind !== 'run' && effect.kind !== 'local') return { ...effect, what };
  const there = `cd -- ${quote(directory)} || { echo "cannot change to the directory of the playbook" >&2; exit 125; }\n`;
  return { ...effect, kind: 'local', what, script: `${there}${script(effect.script)}` };
}

const clients: ReadonlySet<string> = new Set(['kubectl', 'oc']);

/** Whether these words of a command drain or uncordon one of these nodes. */
export function drainsNode(
  words: readonly string[],
  nodes: readonly (string | undefined)[],
): LocalCommand['drains'] {
  if (!words.some((word) => clients.has(word.slice(word.lastIndexOf('/') + 1)))) return undefined;
  if (!words.some((word) => nodes.includes(word))) return undefined;
  return words.includes('drain') ? 'drain' : words.includes('uncordon') ? 'uncordon' : undefined;
}
