// Tasks that drive the cluster by kubectl or oc, as what kmend does itself.
import type { Value } from '../../model/value.ts';
import { type Outcome, undecided } from './account.ts';
import { reboots } from './boot-tasks.ts';
import { commandLine, type Line, programOf } from './command-line.ts';
import { type Around, isReadElsewhere, type OldTask } from './old-task.ts';

/** Options of `kubectl drain`; `true` = a flag, else a value; none = nothing comes of it. */
const drainOptions: Readonly<Record<string, readonly [string, 'flag' | 'value'] | null>> = {
  'delete-emptydir-data': ['delete_emptydir_data', 'flag'],
  'delete-local-data': ['delete_emptydir_data', 'flag'],
  'disable-eviction': ['disable_eviction', 'flag'],
  force: ['force', 'flag'],
  'grace-period': ['grace_period', 'value'],
  'ignore-daemonsets': ['ignore_daemonsets', 'flag'],
  'pod-selector': ['pod_selector', 'value'],
  'skip-wait-for-delete-timeout': ['skip_wait_for_delete_timeout', 'value'],
  timeout: ['timeout', 'value'],
  'chunk-size': null,
};
/** Options of every command of kubectl: the cluster is that of `--kubeconfig`. */
const clusterOptions =
  /^(?:kubeconfig|context|cluster|user|server|token|namespace|request-timeout|certificate-authority|client-certificate|client-key|n|s|v)$/;
const flags = /^(?:insecure-skip-tls-verify|as-group)$/;

interface ClusterCommand {
  readonly verb: string;
  readonly names: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly left: readonly string[];
}

function clusterCommand(task: OldTask, around: Around): ClusterCommand | undefined {
  const line = commandLine(task.text, around.vars);
  if (line === undefined || !/^(?:kubectl|oc|k3s|microk8s)$/.test(programOf(line)))
    return undefined;
  const options = new Map<string, string>();
  const names: string[] = [];
  const { words } = line;
  for (let at = 1; at < words.length; at++) {
    const word = words[at] ?? '';
    if (!word.startsWith('-')) {
      names.push(word);
      continue;
    }
    const [name = '', ...value] = word.replace(/^--?/, '').split('=');
    const takesNext = value.length === 0 && takesValue(name);
    options.set(name, takesNext ? (words[++at] ?? '') : value.join('='));
  }
  const [verb = '', ...others] = names.filter((name) => name !== 'kubectl' && name !== 'adm');
  return { verb, names: others, options, left: line.left };
}

const takesValue = (name: string): boolean =>
  drainOptions[name]?.[1] === 'value' ||
  (clusterOptions.test(name) && !flags.test(name)) ||
  /^(?:o|output|for|l|selector)$/.test(name);

const ownNames =
  /\b(?:inventory_hostname(?:_short)?|ansible_hostname|ansible_nodename|ansible_fqdn|\w*node_?name)\b|\$\(?hostname|\$HOSTNAME/i;
const isOwnNode = (name: string): boolean =>
  ownNames.test(name) && !/\b(?:groups|item)\b/.test(name);

const otherNode = (names: readonly string[]): string =>
  `a host drains and uncordons its own node; is \`${names.join(' ')}\` that node?`;

/** Keys of the old command that the module of kmend has no use for. */
const ofCommand = [
  ...['delegate_to', 'delegate_facts', 'become', 'become_user', 'changed_when', 'failed_when'],
  ...['until', 'retries', 'delay', 'args', 'environment', 'async', 'poll', 'check_mode'],
  ...['ignore_errors', 'run_once', 'connection'],
];

/** What a module of kmend cannot take over from a command. */
function unfit(task: OldTask, around: Around, names: readonly string[]): Outcome | undefined {
  const { keys } = task;
  if (names.length > 0 && !names.every((name) => isOwnNode(name.replace(/^nodes?\//, ''))))
    return undecided(otherNode(names));
  if (Object.keys(keys).some((key) => key === 'loop' || key.startsWith('with_')))
    return undecided('each host drains its own node: is this loop over the hosts of the play?');
  return isReadElsewhere(task, around)
    ? undecided(`other tasks read its output (\`${String(keys.register)}\`): what do they need?`)
    : undefined;
}

const withoutKeys = (task: OldTask): readonly string[] =>
  ofCommand.filter((key) => key in task.keys);

/** Says what is stricter now. */
function stricter(task: OldTask, { left }: ClusterCommand | Line): string {
  const lenient = ['ignore_errors', 'failed_when'].filter((key) => key in task.keys);
  const all = [
    ...lenient.map((key) => `\`${key}\``),
    ...left.filter((part) => part === 'true').map(() => '`|| true`'),
  ];
  return all.length === 0 ? '' : `; without ${all.join(' and ')}: its failure ends the host`;
}

export function drainOf(task: OldTask, around: Around): Outcome | undefined {
  const command = clusterCommand(task, around);
  if (command?.verb !== 'drain') return undefined;
  const wrong = unfit(task, around, command.names);
  if (wrong !== undefined || command.names.length === 0)
    return wrong ?? undecided('which node does it drain?');
  const args: Record<string, Value> = {};
  for (const [name, text] of command.options) {
    const known = drainOptions[name];
    if (known === undefined && !clusterOptions.test(name) && !flags.test(name))
      return undecided(`\`drain\` has no option \`${name}\`: what shall it do?`);
    if (known === undefined || known === null) continue;
    const [argument, kind] = known;
    if (kind === 'flag') args[argument] = text === '' || text === 'true';
    else if (argument === 'timeout' && /^0s?$/.test(text))
      return undecided('this waits for ever: how long may the drain take?');
    else if (text !== '-1') args[argument] = /^\d+$/.test(text) ? Number(text) : text;
  }
  const isAsked = 'ignore_daemonsets' in args;
  const stay = isAsked
    ? ''
    : '; pods of DaemonSets stay, where `kubectl drain` would refuse the node';
  if (args.ignore_daemonsets === true) delete args.ignore_daemonsets;
  const limit = 'timeout' in args ? '' : '; it takes 30 minutes at most (`timeout`)';
  return {
    fate: 'replaced',
    by: 'drain',
    why: `the plan knows the disruption budgets before${limit}${stay}${stricter(task, command)}`,
    edit: { module: ['drain', args], without: withoutKeys(task) },
  };
}

const drains = (around: Around): boolean =>
  around.tasks.some(
    (task) =>
      /^(?:drain|k8s_drain)$/.test(task.module) ||
      (!around.stays(task) && clusterCommand(task, around)?.verb === 'drain'),
  );

export function uncordonOf(task: OldTask, around: Around): Outcome | undefined {
  const command = clusterCommand(task, around);
  if (command?.verb !== 'uncordon') return undefined;
  const wrong = unfit(task, around, command.names);
  if (wrong !== undefined) return wrong;
  if (!drains(around))
    return undecided(
      '`uncordon` returns nodes that this run cordoned, and nothing here drains one: who cordoned it?',
    );
  return {
    fate: 'replaced',
    by: 'uncordon',
    why: `a node that was cordoned before the run stays so${stricter(task, command)}`,
    edit: { module: ['uncordon', {}], without: withoutKeys(task) },
  };
}

export function cordonOf(task: OldTask, around: Around): Outcome | undefined {
  const command = clusterCommand(task, around);
  if (command?.verb !== 'cordon') return undefined;
  const wrong = unfit(task, around, command.names);
  if (wrong !== undefined) return wrong;
  return drains(around)
    ? { fate: 'replaced', by: 'drain', why: 'it cordons the node first' }
    : undecided('kmend cordons a node when it drains it: shall the node be drained?');
}

/** `k8s_drain` acts on the cluster, from wherever: kmend does so from its own machine. */
export function drainModuleOf(task: OldTask, around: Around): Outcome | undefined {
  if (task.module !== 'k8s_drain') return undefined;
  if (task.args.state === 'cordon')
    return drains(around)
      ? { fate: 'replaced', by: 'drain', why: 'it cordons the node first' }
      : undefined;
  const without = ['delegate_to', 'delegate_facts', 'become', 'become_user', 'connection'].filter(
    (key) => key in task.keys,
  );
  return without.length === 0
    ? undefined
    : {
        fate: 'kept',
        why: `the machine that runs kmend reaches the cluster; without ${without.map((key) => `\`${key}\``).join(', ')}`,
        edit: { without },
      };
}

/** `k8s_info` until the node is Ready. */
export function readyModuleOf(task: OldTask, around: Around): Outcome | undefined {
  const { kind, name } = task.args;
  const isWait = task.keys.until !== undefined || task.args.wait !== undefined;
  return task.module === 'k8s_info' &&
    kind === 'Node' &&
    isWait &&
    isOwnNode(String(name)) &&
    reboots(around)
    ? readyByReboot
    : undefined;
}

const readyByReboot: Outcome = {
  fate: 'replaced',
  by: 'reboot',
  why: 'it waits until the node is Ready in the new boot (`ready_timeout`)',
};

/** A loop until the node is Ready. */
export function readyOf(task: OldTask, around: Around): Outcome | undefined {
  const command = clusterCommand(task, around);
  if (command === undefined || unfit(task, around, []) !== undefined) return undefined;
  const { verb, names, options } = command;
  const asksNode = /^nodes?(?:\/|$)/.test(names[0] ?? '');
  const isLoop = verb === 'get' && (task.keys.until !== undefined || /Ready/.test(task.text));
  const isWait = verb === 'wait' && /condition=ready/i.test(options.get('for') ?? '');
  const waits = asksNode && (isLoop || isWait);
  const own = names.map((name) => name.replace(/^nodes?\/?/, '')).filter((name) => name !== '');
  if (!waits || !own.every(isOwnNode)) return undefined;
  return reboots(around) ? readyByReboot : undefined;
}
