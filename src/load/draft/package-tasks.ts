// Packages that kmend has a module of their own for.
import { isMapping, type Mapping, type Value } from '../../model/value.ts';
import { ansibleName } from '../playbook/ansible/modules.ts';
import { translate } from '../playbook/ansible/translate.ts';
import { collectorOf } from '../text/diagnostics-collector.ts';
import { plainOf } from '../text/tree.ts';
import type { Outcome } from './account.ts';
import type { OldTask } from './old-task.ts';

/** Packages with the versions that a task names. */
function packagesOf({ entry, file }: OldTask): ReadonlyMap<string, Value> | undefined {
  const { from } = ansibleName(entry.key);
  if (from === undefined) return undefined;
  const { tree } = translate(collectorOf(file.source, []), entry.key, from, entry.value);
  const args = plainOf(tree);
  if (!isMapping(args)) return undefined;
  const { name, version, packages } = args;
  if (isMapping(packages)) return new Map(Object.entries(packages));
  return typeof name === 'string' && version !== undefined ? new Map([[name, version]]) : undefined;
}

/** Arguments that change which packages are taken. */
const isPlain = ({ args, keys }: OldTask): boolean =>
  !('loop' in keys) &&
  Object.keys(args).every((key) =>
    /^(?:name|pkg|package|state|version|update_cache|cache_valid_time|enablerepo|disablerepo|allow_downgrade)$/.test(
      key,
    ),
  ) &&
  !/^(?:absent|removed)$/.test(String(args.state));

const repositories = ({ args }: OldTask): Mapping => {
  const { enablerepo, disablerepo } = args;
  const given: Record<string, Value> = {};
  if (enablerepo !== undefined) given.enablerepo = enablerepo;
  if (disablerepo !== undefined) given.disablerepo = disablerepo;
  return given;
};

const members = ['docker-ce', 'docker-ce-cli', 'containerd.io'];

/** docker-ce with its version. Without one the task stays: it installs what is missing. */
export function runtimeOf(task: OldTask): Outcome | undefined {
  const packages = packagesOf(task);
  if (packages === undefined || !isPlain(task)) return undefined;
  const versions = Object.fromEntries(packages);
  const isWhole = Object.entries(versions).every(
    ([name, version]) => members.includes(name) && !/^(?:present|latest)$/.test(String(version)),
  );
  return isWhole && 'docker-ce' in versions
    ? {
        fate: 'replaced',
        by: 'container_runtime',
        why: 'it moves the packages that belong together',
        edit: { module: ['container_runtime', { versions, ...repositories(task) }] },
      }
    : undefined;
}

/** `yum: {name: kernel-3.10.0-1160.el7}`. */
export function kernelOf(task: OldTask): Outcome | undefined {
  const packages = packagesOf(task);
  const version = packages?.get('kernel');
  if (packages?.size !== 1 || version === undefined || !isPlain(task)) return undefined;
  return {
    fate: 'replaced',
    by: 'kernel',
    why: 'it makes this kernel boot next, too',
    edit: { module: ['kernel', { version, ...repositories(task) }] },
  };
}
