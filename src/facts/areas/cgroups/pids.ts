// Area pids: limits of the number of processes where kernel memory is not accounted. `check` reads
// it, and a play that names one of its facts.
import { scriptText } from '../../../model/text/script-text.ts';
import { type Unknown, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { type Fields, readFields, wholeNumber } from '../../fields.ts';
import { kubeletSetting } from '../programs/kubelet.ts';
import { countsPids, isCapped } from './cgroup-walk.ts';
import pids from './pids.sh';

const controllers = ['v1', 'v2'] as const;

export const pidsArea: Area = {
  name: 'pids',
  script: scriptText(pids),
  functions: countsPids,
  quick: true,
  maxBytes: 262_144,
  printedBy: { area: 'cgroup', lines: /^(?:counts|ended) .*$/gm },
  differs: true,
  parse: (text, { cut }) => {
    const fields = readFields(text);
    const counts = /^counts (\d+) (\d+) (\d+) (\d+)$/m.exec(text)?.slice(1).map(wholeNumber) ?? [];
    const isCut = cut || isCapped(fields.number('ended', 0));
    const count = (index: number): number | Unknown =>
      isCut ? unknown('the pids groups could not be counted in time') : (counts[index] ?? 0);
    const limit = kubeletSetting('pod-max-pids', 'podPidsLimit', fields);
    const gates = reservation('feature-gates', 'featureGates', fields);
    const known = <T>(value: T): T | Unknown =>
      fields.has('config_denied')
        ? unknown("the kubelet's configuration may be read by root only")
        : value;
    return {
      'pids.controller': controllers.find((one) => one === fields.text('controller')) ?? 'absent',
      'pids.kernel_max': fields.number('kernel_max'),
      'pids.pods': count(0),
      'pids.pods_unlimited': count(1),
      'pids.containers': count(2),
      'pids.containers_unlimited': count(3),
      'pids.pod_limit': known(limitOf(limit)),
      'pids.pod_limit_gate': known(
        /(?:^|,)SupportPodPidsLimit=(true|false)/.exec(gates)?.[1] ?? '',
      ),
      'pids.system_reserved': known(reservation('system-reserved', 'systemReserved', fields)),
      'pids.kube_reserved': known(reservation('kube-reserved', 'kubeReserved', fields)),
    };
  },
};

/** 0 and less mean no limit. */
function limitOf(setting: string | undefined): number {
  const limit = Number(setting);
  return Number.isInteger(limit) && limit > 0 ? limit : -1;
}

/**
 * A reservation `cpu=200m,memory=1Gi`, from the flag or from a mapping in the configuration, in
 * block or in flow style.
 */
function reservation(flag: string, key: string, fields: Fields): string {
  const set = kubeletSetting(flag, key, fields);
  if (set?.includes('=')) return set;
  const flow = fields.all('config').find((line) => line.startsWith(`${key}:`)) ?? '';
  const block = fields
    .all('inner')
    .flatMap((line) => (line.startsWith(`${key} `) ? [line.slice(key.length)] : []));
  const entries = [...flow.slice(key.length + 1).split(/[{},]/), ...block].map((entry) =>
    /^\s*["']?([\w.-]+)["']?:\s*["']?([^\s"'#]+)/.exec(entry),
  );
  return entries.flatMap((entry) => (entry === null ? [] : [`${entry[1]}=${entry[2]}`])).join(',');
}
