// Flags of `kmend drain`, `cordon` and `uncordon`, with kubectl's names, meanings and durations.

import { parseSelector } from '../adapters/kube/objects/selector.ts';
import type { FleetFlags } from '../app/session/flags.ts';
import { CommandError } from '../app/session/world.ts';
import { present } from '../model/present.ts';
import type { DrainOptions } from '../model/run/effect.ts';

export interface NodeFlags extends FleetFlags {
  readonly selector?: string;
  readonly takeover?: string;
  readonly dryRun?: string | boolean;
  readonly json?: boolean;
}

export interface DrainFlags extends NodeFlags {
  readonly ignoreDaemonsets?: boolean;
  readonly deleteEmptydirData?: boolean;
  readonly deleteLocalData?: boolean;
  readonly force?: boolean;
  readonly timeout?: string;
  readonly gracePeriod?: string;
  readonly podSelector?: string;
  readonly disableEviction?: boolean;
  readonly skipWaitForDeleteTimeout?: string;
  readonly deadNodeSkipWaitAfter?: string;
  readonly fallbackWithoutEviction?: boolean;
  readonly leftBehind?: string;
  readonly singleReplica?: string;
  readonly jobs?: string;
}

/** kubectl's 0 means no limit: here twenty days, since every wait must end. */
const noLimit = 20 * 86_400;

const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

/** Seconds of `90`, `90s`, `1m30s`, `1.5h`; a usage error names the flag. */
export function seconds(text: string, flag: string): number {
  if (/^-?\d+$/.test(text)) return Number(text);
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text))
    throw new CommandError(
      3,
      `${flag} must be seconds or a duration such as 90s or 1m30s, not \`${text}\``,
    );
  const parts = [...text.matchAll(/(?<![\d.])(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return parts.reduce(
    (sum, [, amount = '0', unit = 's']) => sum + Number(amount) * (units[unit] ?? 1),
    0,
  );
}

function timeoutOf(text: string): number {
  const given = seconds(text, '--timeout');
  if (given < 0) throw new CommandError(3, `--timeout must not be negative, but is \`${text}\``);
  return given === 0 ? noLimit : given;
}

function oneOf<T extends string>(
  text: string | undefined,
  flag: string,
  known: readonly T[],
): T | undefined {
  const found = known.find((word) => word === text);
  if (text !== undefined && found === undefined)
    throw new CommandError(3, `${flag} must be ${known.join(' or ')}, not \`${text}\``);
  return found;
}

export function drainOptions(flags: DrainFlags): DrainOptions {
  const leftBehind = oneOf(flags.leftBehind, '--left-behind', ['fail', 'accept']);
  const singleReplica = oneOf(flags.singleReplica, '--single-replica', ['restart', 'surge']);
  const jobs = oneOf(flags.jobs, '--jobs', ['evict', 'wait']);
  const grace = seconds(flags.gracePeriod ?? '-1', '--grace-period');
  const skip = seconds(flags.skipWaitForDeleteTimeout ?? '0', '--skip-wait-for-delete-timeout');
  const dead =
    flags.deadNodeSkipWaitAfter === undefined
      ? undefined
      : seconds(flags.deadNodeSkipWaitAfter, '--dead-node-skip-wait-after');
  const selector = parseSelector(flags.podSelector ?? '');
  if (!selector.ok) throw new CommandError(3, `--pod-selector: ${selector.message}`);
  return {
    timeout: timeoutOf(flags.timeout ?? '0'),
    ...(grace < 0 ? {} : { gracePeriod: grace }),
    ignoreDaemonsets: flags.ignoreDaemonsets === true,
    deleteEmptydirData: flags.deleteEmptydirData === true || flags.deleteLocalData === true,
    force: flags.force === true,
    ...present({ podSelector: flags.podSelector }),
    disableEviction: flags.disableEviction === true,
    ...(skip > 0 ? { skipWaitForDeleteTimeout: skip } : {}),
    fallbackWithoutEviction: flags.fallbackWithoutEviction === true,
    ...present({ deadNodeSkipWaitAfter: dead }),
    ...(leftBehind === 'accept' ? { leftBehind } : {}),
    ...present({ singleReplica, jobs }),
    // As in kubectl, a failed drain leaves the node cordoned. In a play it does not.
    keepCordoned: true,
  };
}

/** `--dry-run`, `=client` and `=server` mean the same: nothing is written; the server is asked. */
export function isDryRun({ dryRun }: NodeFlags): boolean {
  if (dryRun === undefined || dryRun === 'none') return false;
  if (dryRun === true || dryRun === 'client' || dryRun === 'server') return true;
  throw new CommandError(3, `--dry-run must be none, client or server, not \`${dryRun}\``);
}

/** Options that messages name by the keys of a play. */
export const drainOptionNames = [
  'delete_emptydir_data',
  'disable_eviction',
  'fallback_without_eviction',
  'skip_wait_for_delete_timeout',
  'dead_node_skip_wait_after',
  'left_behind',
  'single_replica',
  'pod_selector',
];

/** `a_b: 1, c: 2` as `--a-b 1 --c 2`. */
const flagsOf = (keys: string): string =>
  keys
    .split(', ')
    .map((pair) => pair.split(': '))
    .map(([key = '', value = '']) => `--${key.replaceAll('_', '-')} ${value}`)
    .join(' ');

/** The message with flags of `kmend drain` instead of keys of a play. */
export const withFlags = (text: string): string =>
  text
    .replace(/drain: \{([^{}]{1,120})\}/g, (_, keys: string) => flagsOf(keys))
    .replaceAll('(needs force)', '(needs --force)')
    .replace(/\((\w{1,40}): (\w{1,40})\)/g, (all, key: string, value: string) =>
      drainOptionNames.includes(key) ? `(${key} ${value})` : all,
    )
    .replace(/\b[a-z]+(?:_[a-z]+)+\b/g, (word) =>
      drainOptionNames.includes(word) ? `--${word.replaceAll('_', '-')}` : word,
    );

const booleans =
  /^--(ignore-daemonsets|delete-emptydir-data|delete-local-data|force|disable-eviction|fallback-without-eviction)=(true|false)$/;

/** kubectl also takes `--force=true` and `--force=false`: true is the flag, false is no flag. */
export const withoutBooleanValues = (args: readonly string[]): readonly string[] =>
  args.flatMap((arg) => {
    const [, name, value] = booleans.exec(arg) ?? [];
    return name === undefined ? [arg] : value === 'true' ? [`--${name}`] : [];
  });
