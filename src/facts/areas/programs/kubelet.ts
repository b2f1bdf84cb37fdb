// Area kubelet: whether the host has one (also inside k3s and similar), its version and its cgroup
// driver.
import { scriptText } from '../../../model/text/script-text.ts';
import { type Unknown, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { type Fields, readFields, wordsOf } from '../../fields.ts';
import { changedAt, times } from '../../times.ts';
import kubelet from './kubelet.sh';

export const kubeletArea: Area = {
  name: 'kubelet',
  script: scriptText(kubelet),
  quick: true,
  printedBy: times,
  maxBytes: 262_144,
  parse: (text) => {
    const fields = readFields(text);
    const program = fields.text('program') || fields.text('running').replace(/^k3s-.*/, 'k3s');
    const installed = program !== '' || fields.has('package');
    return {
      'kubelet.installed': installed,
      'kubelet.running': fields.has('running'),
      'kubelet.version': installed ? versionOf(fields.text('says'), fields.text('package')) : '',
      'kubelet.driver': installed
        ? (kubeletSetting('cgroup-driver', 'cgroupDriver', fields) ?? 'cgroupfs')
        : '',
      'kubelet.endpoint': installed
        ? (kubeletSetting('container-runtime-endpoint', 'containerRuntimeEndpoint', fields) ?? '')
        : '',
      'kubelet.changed_at': changedAt(fields, fields.text('file')),
      'kubelet.program': program || (installed ? 'kubelet' : ''),
    };
  },
};

function versionOf(says: string, evr: string): string | Unknown {
  const printed = /(?:^| )v?(\d+\.\d+\.\d+[^\s(]*)/.exec(says)?.[1];
  const packaged = /^(?:\d+:)?(\d+\.\d+\.\d+)/.exec(evr)?.[1];
  return (
    printed ??
    packaged ??
    unknown('the kubelet runs from a place where its version cannot be asked')
  );
}

/**
 * A setting of the kubelet. The flag overrides the file, as in the kubelet itself. Flags on the
 * disk count only where no running kubelet shows its own.
 */
export function kubeletSetting(flag: string, key: string, fields: Fields): string | undefined {
  const running = fields.all('arg').join('\n');
  const flags = fields.all('flags').filter((line) => !line.trim().startsWith('#'));
  const words = running === '' ? wordsOf(flags.join(' ')).join('\n') : running;
  const value = new RegExp(
    `--${flag}[=\n]["']?([^\\s"']+)|--kubelet-arg[=\n](?:--)?${flag}=([^\\s"']+)`,
  ).exec(words);
  const line = fields.all('config').find((one) => one.startsWith(`${key}:`));
  return value?.[1] ?? value?.[2] ?? /^\w+:\s*["']?([^\s"']+)/.exec(line ?? '')?.[1];
}
