// What the modules of files share about a place: its risk, its warnings, and how its state is shown.
import { type FactView, need, UnknownFact } from '../../model/fact.ts';
import type { FileState } from '../../model/facts/values.ts';
import type { ModulePlan, PlanContext, Refusal } from '../../model/run/change.ts';
import type { Risk } from '../../model/run/risk.ts';
import { absolutePath, text } from '../../model/shape/schema.ts';
import { fileMode } from './mode.ts';

/** A path of the host. `$`, `~` and patterns are not expanded, `.` and `..` not resolved. */
export const hostPath = absolutePath
  .refine((path) => !path.split('/').some((part) => part === '.' || part === '..'), {
    message: 'should have no `.` and no `..` in it',
  })
  .refine((path) => !/[\r\n]/.test(path), { message: 'should be one line' });

const account = text.regex(
  /^[A-Za-z0-9_][A-Za-z0-9_.@$-]*$/,
  'should be the name of a user or group, or a number',
);

/** Arguments of all modules of files. */
export const attributeShape = {
  mode: fileMode
    .optional()
    .describe(
      'Mode of the file: octal digits, or symbols such as `u=rw,g=r,o=`. Default: a file keeps its own, a new one gets 0644.',
    ),
  owner: account.optional().describe('User that owns it. Default: it stays as it is.'),
  group: account.optional().describe('Group that owns it. Default: it stays as it is.'),
};

export interface Attributes {
  readonly mode?: string | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

const riskOf: readonly (readonly [RegExp, Risk])[] = [
  [/^\/(?:boot|etc\/grub\.d|etc\/kernel)\/|^\/etc\/(?:default\/grub|fstab$|dracut)/, 'reboot'],
  [
    /^\/etc\/(?:systemd|docker|sysconfig|containerd|crio|cni|kubernetes)\/|^\/(?:usr\/)?lib\/systemd\/|^\/var\/lib\/kubelet\//,
    'restart',
  ],
];

/**
 * The risk of a change there: what runs is affected at its next restart, or the host at its next
 * boot.
 */
export const pathRisk = (path: string): Risk =>
  riskOf.find(([pattern]) => pattern.test(path))?.[1] ?? 'write';

/** Places where another module does better. */
export const placeWarnings = (path: string): Pick<ModulePlan, 'warnings'> =>
  /^\/etc\/default\/grub(?:$|\.d\/)/.test(path)
    ? {
        warnings: [
          `${path}: a boot argument is better set by the module kernel_arg: it sets it on all boot entries too, and leaves the values of others`,
        ],
      }
    : {};

const untouchable = /^\/(?:proc|sys|dev|run\/kmend|var\/lib\/kmend)(?:\/|$)/;

/** Places that no task writes to. */
export const placeRefusal = (path: string): Refusal | undefined =>
  untouchable.test(path)
    ? {
        why: `${path} is not a file for a task to change`,
        hint: /kmend/.test(path)
          ? 'it is of kmend itself'
          : 'for values of the kernel use `sysctl`',
      }
    : undefined;

export const stateOf = (facts: FactView, path: string): FileState =>
  need(facts, `file.${path}.state`);

/** The state as text: a rollback reads it again, and drift compares it. */
export function stateText(state: FileState, isOfLink: boolean): string | undefined {
  if (isOfLink && state.link !== '') return `link to ${state.link}`;
  if (state.kind === 'absent') return undefined;
  // The group of a new file of this machine is not known before.
  const rights = `${state.mode} ${state.owner}${state.group === '' ? '' : `:${state.group}`}`;
  if (state.kind !== 'file') return `${state.kind} ${rights}`;
  return `${rights} ${state.sha256 === '' ? `${state.size} bytes` : `sha256:${state.sha256}`}`;
}

/** Owner and group as they will be. @param here the user of kmend, on its own machine */
export const ownerAfter = (
  { owner, group }: Attributes,
  state: Pick<FileState, 'owner' | 'group'>,
  here: string | undefined,
): Pick<FileState, 'owner' | 'group'> => ({
  owner: owner ?? (state.owner || (here ?? 'root')),
  group: group ?? (state.group || (here === undefined ? 'root' : '')),
});

/** Owner and group for `chown`; undefined where they are as wanted. */
export function ownerWanted(
  { owner, group }: Attributes,
  state: FileState | undefined,
): string | undefined {
  const isOwner = owner === undefined || owner === state?.owner || owner === String(state?.uid);
  const isGroup = group === undefined || group === state?.group || group === String(state?.gid);
  if (isOwner && isGroup) return undefined;
  return `${isOwner ? '' : owner}${isGroup ? '' : `:${group}`}`;
}

/**
 * What is not there may be brought by an earlier task of the plan: then it is planned again when
 * that is done. Otherwise the host fails.
 */
export function missing(fact: string, why: string, { done }: PlanContext): ModulePlan {
  if (done.altered === true) throw new UnknownFact(fact, `${why}; an earlier task may change that`);
  return { changes: [], unmet: { kind: 'exit', evidence: why } };
}
