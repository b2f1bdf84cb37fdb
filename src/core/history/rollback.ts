// Rollback: what to set again on a host, from what the journal of a run says it changed. Says so
// where the journal does not know.

import { backupFolder } from '../../model/host-file.ts';
import type { Failure } from '../../model/run/failure.ts';
import { pasteable } from '../../model/text/quote.ts';
import type { Mapping, Value } from '../../model/value.ts';
import { isFileHere } from '../plan/task/delegate.ts';
import type { HostChanges, MadeChange } from '../run-state/host-history.ts';

/** Variables of playbooks/rollback.yaml for one host, and what it does not roll back. */
export interface RollbackVars {
  readonly vars: Mapping;
  readonly left: readonly string[];
}

export type Rollback =
  | { readonly kind: 'rollback'; readonly rollback: RollbackVars }
  /** The run changed nothing there that can be rolled back. */
  | { readonly kind: 'nothing'; readonly left: readonly string[] }
  | { readonly kind: 'refused'; readonly failure: Failure };

/** What a later run did on the same host. */
export interface LaterRun {
  readonly run: string;
  readonly hostChanges: HostChanges;
}

/** One step of the rollback, by the kind of thing that was changed. */
type Step =
  | { readonly kind: 'package'; readonly name: string; readonly to: string }
  | { readonly kind: 'kernel'; readonly release: string }
  | {
      readonly kind: 'argument';
      readonly edits: readonly Mapping[];
      readonly made: readonly string[];
      readonly before: readonly string[];
    }
  | { readonly kind: 'updates'; readonly what: string }
  | { readonly kind: 'repository'; readonly args: Mapping }
  | { readonly kind: 'file'; readonly args: Mapping }
  | { readonly kind: 'setting'; readonly args: Mapping }
  | { readonly kind: 'hold'; readonly args: Mapping }
  | { readonly kind: 'left'; readonly what: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown'; readonly why: string };

export function rollbackOf(
  run: string,
  hostChanges: HostChanges,
  later: readonly LaterRun[],
): Rollback {
  if (hostChanges.end === 'under_way')
    return refused(
      `run ${run} is not over on it`,
      `kmend resume ${run}, or kmend abort ${run}, first`,
    );
  const since = changedSince(hostChanges, later);
  if (since !== undefined)
    return refused(
      `run ${since.run} changed ${since.what} after run ${run}`,
      `roll that back first: kmend rollback ${since.run} -l ${pasteable(hostChanges.host)}`,
    );
  const steps = hostChanges.changes.map(stepOf);
  const unknown = steps.find((step) => step.kind === 'unknown');
  if (unknown?.kind === 'unknown')
    return refused(
      unknown.why,
      'restore it by hand: the journal does not say what was there before',
    );
  const follows = steps.some(({ kind }) => kind === 'kernel');
  const isLeft = (step: Step): step is Extract<Step, { readonly what: string }> =>
    step.kind === 'left' || (step.kind === 'updates' && !follows);
  const left = [...new Set(steps.filter(isLeft).map(({ what }) => what))];
  const vars = varsOf(steps);
  return vars === undefined
    ? { kind: 'nothing', left }
    : { kind: 'rollback', rollback: { vars, left } };
}

const refused = (message: string, hint: string): Rollback => ({
  kind: 'refused',
  failure: { kind: 'refused', message, hint },
});

/**
 * The newest later run that changed one of these things to another value than the one before this
 * run.
 */
function changedSince(
  hostChanges: HostChanges,
  later: readonly LaterRun[],
): { readonly run: string; readonly what: string } | undefined {
  for (const { run, hostChanges: others } of [...later].reverse()) {
    for (const change of others.changes) {
      if (isFileHere(change)) continue;
      const ours = hostChanges.changes.find((one) => one.what === change.what);
      if (ours !== undefined && change.after !== ours.before) return { run, what: change.what };
    }
  }
  return undefined;
}

function stepOf(change: MadeChange): Step {
  const { what, module, task } = change;
  if (/^\(hidden by no_log\)$/.test(what))
    return { kind: 'unknown', why: `no_log of the task "${task}" hid what it changed` };
  if (isFileHere(change)) return { kind: 'left', what: `${what} (task "${task}")` };
  if (module !== 'yum_repository' && `${what}${change.before ?? ''}`.includes('***'))
    return {
      kind: 'unknown',
      why: `a secret stood in what the task "${task}" changed, and the journal does not keep it`,
    };
  // Files in the cache of the package manager or in the folder of kmend change nothing.
  if (change.sign === '!' && (what === 'download' || what === 'copy package files'))
    return { kind: 'none' };
  if (change.sign === '!')
    return module === 'container_runtime'
      ? { kind: 'none' }
      : { kind: 'left', what: `the task "${task}" (${module})` };
  if (change.sign !== '+' && (change.before ?? '') === '')
    return { kind: 'unknown', why: `its journal has no earlier value of: ${what}` };
  const name = /^package (\S+)$/.exec(what)?.[1];
  if (module === 'kernel') return kernelStep(change);
  if (name !== undefined)
    return { kind: 'package', name, to: change.sign === '+' ? 'absent' : (change.before ?? '') };
  if (module === 'yum_repository') return repositoryStep(change);
  const path = /^file (\/.*)$/s.exec(what)?.[1];
  if (path !== undefined) return fileStep(path, change);
  const setting = /^sysctl (\S+)$/.exec(what)?.[1];
  if (setting !== undefined && change.before !== '(empty)')
    return { kind: 'setting', args: { name: setting, value: change.before ?? '' } };
  const held = /^hold of (\S+)$/.exec(what)?.[1];
  if (held !== undefined)
    return {
      kind: 'hold',
      args: { name: held, state: change.sign === '+' ? 'absent' : 'present' },
    };
  const key = /^boot argument (\S+)$/.exec(what)?.[1];
  if (key !== undefined) return argumentStep(key, change);
  return { kind: 'left', what: `${what} (task "${task}")` };
}

/**
 * The newer kernel stays installed: only the choice of the kernel that boots is rolled back. The
 * package whose updates become the default follows that choice. If a run changed nothing else, it
 * stays.
 */
function kernelStep({ what, before, task }: MadeChange): Step {
  if (what === 'kernel that boots next' && before !== undefined)
    return { kind: 'kernel', release: before };
  return what.startsWith('package whose')
    ? { kind: 'updates', what: `${what} (task "${task}")` }
    : { kind: 'none' };
}

/**
 * The repository section before the change, as options of yum. A section with a masked password is
 * left as it is.
 */
function repositoryStep({ what, before = '', task }: MadeChange): Step {
  const [, name, file] = /^repository (\S+) in \S*\/([^\s/]+)\.repo$/.exec(what) ?? [];
  if (name === undefined || file === undefined || before.includes('***'))
    return { kind: 'left', what: `${what} (task "${task}")` };
  const settings = before
    .split('\n')
    .slice(1)
    .map((setting) => setting.split(/=(.*)/s).slice(0, 2));
  const options: Mapping = Object.fromEntries(
    settings.map(([key = '', value = '']) => [key, value]),
  );
  return {
    kind: 'repository',
    args:
      before === '' ? { name, file, state: 'absent' } : { name, file, state: 'present', options },
  };
}

/**
 * The file as it was: its content by the backup on the host, its rights, or that there was none. A
 * directory that was removed or replaced is gone, and one that was made may have files of others by
 * now.
 */
function fileStep(path: string, { what, sign, before = '', after = '', task }: MadeChange): Step {
  const step = (args: Mapping): Step => ({ kind: 'file', args: { path, ...args } });
  const left = (why: string): Step => ({ kind: 'left', what: `${what} (task "${task}")${why}` });
  if (sign === '+') return after.startsWith('directory ') ? left('') : step({ state: 'absent' });
  const link = /^link to (.*)$/s.exec(before)?.[1];
  if (link !== undefined) return step({ state: 'link', src: link });
  const [old, made] = [partsOf(before), partsOf(after)];
  if (old === undefined) return left('');
  const { kind, content, ...rights } = old;
  if (kind === made?.kind && content === made?.content) return step(rights);
  const sha256 = /^sha256:([\da-f]+)$/.exec(content)?.[1];
  if (sha256 !== undefined) return step({ ...rights, backup: `${backupFolder}/${sha256}` });
  return left(kind === '' ? ': it was too long to keep' : '');
}

/** The state of a file, in its parts; undefined where it is a link, or nothing. */
function partsOf(state: string) {
  const [, kind = '', mode, owner, group, content = ''] =
    /^(?:(directory|other) )?(\d{4}) ([^: ]+):(\S+)(?: (.*))?$/.exec(state) ?? [];
  return mode === undefined || owner === undefined || group === undefined
    ? undefined
    : { kind, mode, owner, group, content };
}

const words = (text: string | undefined): readonly string[] =>
  (text ?? '').split(' ').filter(Boolean);

/** Keys whose value is a list with several owners: only items that the run added are removed. */
const sharedLists: ReadonlySet<string> = new Set(['cgroup.memory', 'cgroup_disable']);

function argumentStep(key: string, change: MadeChange): Step {
  const [before, after] = [words(change.before), words(change.after)];
  const valuesOf = (tokens: readonly string[]): readonly string[] =>
    tokens.map((token) => token.slice(key.length + 1));
  const edit = (state: string, value: string | undefined): Mapping => ({
    key,
    state,
    ...(value === undefined || value === '' ? {} : { value }),
  });
  if (sharedLists.has(key)) {
    const items = (tokens: readonly string[]): readonly string[] =>
      valuesOf(tokens)
        .flatMap((value) => value.split(','))
        .filter(Boolean);
    const added = items(after).filter((item) => !items(before).includes(item));
    const removed = items(before).filter((item) => !items(after).includes(item));
    return {
      kind: 'argument',
      edits: [
        ...(added.length === 0 ? [] : [edit('absent', added.join(','))]),
        ...(removed.length === 0 ? [] : [edit('present', removed.join(','))]),
      ],
      made: added,
      before: [],
    };
  }
  if (before.length > 1)
    return {
      kind: 'unknown',
      why: `${key} was on the command line several times before: ${before.join(' ')}`,
    };
  const [value] = valuesOf(before);
  return {
    kind: 'argument',
    edits: [value === undefined ? edit('absent', undefined) : edit('present', value)],
    made: after.filter((token) => !before.includes(token)),
    before,
  };
}

function varsOf(steps: readonly Step[]): Mapping | undefined {
  const packages = steps.flatMap((step) =>
    step.kind === 'package' ? [[step.name, step.to] as const] : [],
  );
  const kernel = steps.flatMap((step) => (step.kind === 'kernel' ? [step.release] : []))[0];
  const edits = steps.flatMap((step) => (step.kind === 'argument' ? step.edits : []));
  const repositories = steps.flatMap((step) => (step.kind === 'repository' ? [step.args] : []));
  const files = steps.flatMap((step) => (step.kind === 'file' ? [step.args] : []));
  const settings = steps.flatMap((step) => (step.kind === 'setting' ? [step.args] : []));
  const holds = steps.flatMap((step) => (step.kind === 'hold' ? [step.args] : []));
  const texts = (pick: 'made' | 'before'): Value =>
    steps.flatMap((step) => (step.kind === 'argument' ? step[pick] : []));
  if (
    [packages, edits, repositories, files, settings, holds].every((all) => all.length === 0) &&
    kernel === undefined
  )
    return undefined;
  return {
    rollback_packages: Object.fromEntries(packages),
    rollback_kernel: kernel ?? '',
    rollback_arguments: edits,
    rollback_made: texts('made'),
    rollback_before: texts('before'),
    rollback_repositories: repositories,
    rollback_files: files,
    rollback_settings: settings,
    rollback_holds: holds,
  };
}
