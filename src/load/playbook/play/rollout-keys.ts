// The rollout of a play: its own key, and Ansible's keys of a play that belong to it.
import type { Rollout } from '../../../model/playbook.ts';
import { present } from '../../../model/present.ts';
import type { Mapping } from '../../../model/value.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { fitTree } from '../../text/fit.ts';
import { checkExpression, checkTemplates, type Names } from '../../text/names.ts';
import { earlyField, renderEarly } from '../../text/static-templates.ts';
import { type Entry, entryOf, type MapTree, type ScalarTree, type Tree } from '../../text/tree.ts';
import { checkPolicy, type PlayHosts } from './policy.ts';
import {
  type AnsibleKeys,
  batchesSchema,
  fatalSchema,
  orderSchema,
  percentageSchema,
  rolloutArgs,
  rolloutOf,
  throttleSchema,
} from './rollout.ts';

/** Reads `rollout`, and the keys of Ansible that say the same, such as `serial`. */
export function readRollout(
  collector: DiagnosticsCollector,
  play: MapTree,
  early: Mapping,
  names: Names,
  playHosts: PlayHosts | undefined,
): Rollout {
  const entry = entryOf(play, 'rollout');
  const tree =
    entry === undefined
      ? undefined
      : renderEarly(collector, withoutZone(collector, entry, names), early);
  const fitted = tree === undefined ? {} : fitTree(collector, tree, rolloutArgs, 'rollout').data;
  const ansible = readAnsibleKeys(collector, play, entry, early);
  const zone = zoneOf(entry);
  const rollout = rolloutOf({ ...fitted, ...(zone !== undefined && { zone: zone.text }) }, ansible);
  checkPolicy(collector, entry, rollout, playHosts);
  return rollout;
}

/** The expression under `zone`, with or without braces. */
function zoneOf(rollout: Entry | undefined): ScalarTree | undefined {
  const tree = rollout?.value.kind === 'map' ? entryOf(rollout.value, 'zone')?.value : undefined;
  if (tree?.kind !== 'scalar' || typeof tree.value !== 'string') return undefined;
  const inner = /^\s*\{\{(.*)\}\}\s*$/s.exec(tree.text)?.[1];
  return inner === undefined || inner.includes('{{') ? tree : { ...tree, text: inner.trim() };
}

// The zone is checked at load time, but rendered for each host: it differs between hosts.
function withoutZone(collector: DiagnosticsCollector, rollout: Entry, names: Names): Tree {
  const zone = zoneOf(rollout);
  if (zone === undefined || rollout.value.kind !== 'map') return rollout.value;
  const written = entryOf(rollout.value, 'zone')?.value;
  if (written !== undefined && written.kind === 'scalar' && written.text !== zone.text)
    checkTemplates(collector, written, names);
  else checkExpression(collector, zone, names);
  return {
    ...rollout.value,
    entries: rollout.value.entries.map((entry) =>
      entry.key === 'zone' ? { ...entry, value: { ...zone, text: 'zone', value: 'zone' } } : entry,
    ),
  };
}

function readAnsibleKeys(
  collector: DiagnosticsCollector,
  play: MapTree,
  rollout: Entry | undefined,
  early: Mapping,
): AnsibleKeys {
  const twice: Readonly<Record<string, string>> = {
    serial: 'waves',
    order: 'order',
    throttle: 'max_unavailable',
  };
  for (const [key, own] of Object.entries(twice)) {
    const entry = entryOf(play, key);
    if (
      entry === undefined ||
      rollout?.value.kind !== 'map' ||
      entryOf(rollout.value, own) === undefined
    )
      continue;
    collector.error(
      entry.keyAt,
      'said-twice',
      `\`${key}\` and \`rollout.${own}\` say the same thing`,
      { hint: 'keep one of them' },
    );
  }
  return {
    ...present({
      serial: earlyField(collector, play, 'serial', batchesSchema, early),
      maxFailPercentage: earlyField(
        collector,
        play,
        'max_fail_percentage',
        percentageSchema,
        early,
      ),
      anyErrorsFatal: earlyField(collector, play, 'any_errors_fatal', fatalSchema, early),
      throttle: earlyField(collector, play, 'throttle', throttleSchema, early),
      order: earlyField(collector, play, 'order', orderSchema, early),
    }),
  };
}
