// A reboot that is sent and left alone (`shell: sleep 2 && reboot` with `poll: 0`), the form of
// playbooks from before Ansible had a module for it. It is `reboot`, which waits for the new boot.
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { type Entry, entryOf, type MapTree, type Tree } from '../../text/tree.ts';
import { wayOf } from './better-way.ts';

/** What only waits before the reboot, and the reboot itself with its message. */
const steps =
  /^(?:sleep [\d.]+[smh]?|(?:sudo )?(?:\/(?:usr\/)?s?bin\/)?(?:reboot|systemctl reboot|init 6|shutdown -[a-qs-z]*r[^"'$`]*))$/;

/** Keywords of a command that nobody waits for. A reboot that fails must not be ignored. */
const ofCommand = ['async', 'poll', 'ignore_errors', 'changed_when', 'failed_when', 'args'];

const textOf = (tree: Tree | undefined): string => {
  const value = tree?.kind === 'map' ? entryOf(tree, 'cmd')?.value : tree;
  return value?.kind === 'scalar' ? value.text : '';
};

const sends = (entry: Entry): boolean =>
  wayOf(entry) === 'reboot' &&
  textOf(entry.value)
    .replace(/"[^"$`]*"|'[^']*'|[()]|&\s*$/g, '')
    .split(/[;&\n]+/)
    .every((step) => step.trim() === '' || steps.test(step.trim()));

/** The task as `reboot`, where it is one. */
export function sentReboot(collector: DiagnosticsCollector, tree: MapTree): MapTree {
  if (textOf(entryOf(tree, 'poll')?.value) !== '0') return tree;
  const sent = tree.entries.find(sends);
  if (sent === undefined) return tree;
  const { at } = sent.value;
  collector.note(sent.keyAt, 'sent-reboot', `this ${sent.key} is done as \`reboot\``, {
    detail: 'it waits for the new boot, so a failure of it is one of the task',
  });
  const reboot: Entry = {
    ...{ key: 'reboot', keyAt: sent.keyAt },
    value: { kind: 'scalar', at, value: null, text: '', style: 'plain' },
  };
  const others = tree.entries.filter(({ key }) => !ofCommand.includes(key));
  return { ...tree, entries: others.map((one) => (one === sent ? reboot : one)) };
}
