// The hosts of a play, and the names that its expressions may use for them.
import { lookupNames } from '../../../expression/index.ts';
import type { Inventory } from '../../../model/host.ts';
import type { Mapping } from '../../../model/value.ts';
import { resolvePattern, splitPattern } from '../../inventory/pattern.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { factNames, type Names } from '../../text/names.ts';
import { renderEarly } from '../../text/static-templates.ts';
import { entryOf, type MapTree } from '../../text/tree.ts';
import { hasClosedLayer, inventoryVars } from '../../text/variables.ts';
import type { PlayHosts } from './policy.ts';

/** The pattern of a play, and where it stands in the text. */
export interface Hosts {
  readonly pattern: string;
  readonly at: number;
}

/** Reads `hosts`: a pattern, or a list of patterns. It reports what names no host. */
export function readHosts(
  collector: DiagnosticsCollector,
  play: MapTree,
  early: Mapping,
): Hosts | undefined {
  const entry = entryOf(play, 'hosts');
  if (entry === undefined) {
    collector.error(play.entries[0]?.keyAt ?? play.at, 'no-hosts', 'this play has no `hosts`', {
      hint: 'name a group of the inventory, or `all`',
    });
    return undefined;
  }
  const value = renderEarly(collector, entry.value, early);
  const items = value.kind === 'list' ? value.items : [value];
  const parts: string[] = [];
  for (const item of items) {
    if (item.kind === 'scalar' && item.value !== null)
      for (const part of splitPattern(item.text)) parts.push(part);
    else collector.error(item.at, 'bad-hosts', '`hosts` should be a pattern or a list of them');
  }
  if (parts.length > 0)
    return {
      pattern:
        value.kind === 'list'
          ? parts.join(',')
          : (items[0]?.kind === 'scalar' ? items[0].text : '').trim(),
      at: entry.value.at,
    };
  collector.error(entry.value.at, 'empty-pattern', '`hosts` names no host', {
    detail: 'an empty list of hosts never means all of them',
    hint: '`all` means every host',
  });
  return undefined;
}

/** The hosts of the pattern; undefined without an inventory. */
export function matchHosts(
  collector: DiagnosticsCollector,
  hosts: Hosts | undefined,
  inventory: Inventory | undefined,
): PlayHosts | undefined {
  if (inventory === undefined || inventory.hosts.size === 0 || hosts === undefined)
    return undefined;
  const found = resolvePattern(hosts.pattern, inventory, collector.source.placeAt(hosts.at));
  for (const one of found.diagnostics) collector.diagnostics.push(one);
  return found.value && { inventory, hosts: found.value };
}

interface NameOptions {
  readonly extraVars?: Mapping;
  readonly knownNames?: readonly string[];
  readonly facts: readonly string[];
}

/** Names that expressions of a play may use. They are open where a host may have others. */
export function namesOf(
  options: NameOptions,
  vars: Mapping,
  playHosts: PlayHosts | undefined,
): Names {
  const known = new Set([
    ...Object.keys(vars),
    ...Object.keys(options.extraVars ?? {}),
    ...(options.knownNames ?? []),
    ...lookupNames,
  ]);
  // A play without hosts here may have hosts elsewhere, with variables of their own.
  let isOpen = playHosts === undefined || playHosts.hosts.length === 0;
  for (const name of playHosts?.hosts ?? []) {
    const host = playHosts?.inventory.hosts.get(name);
    if (host === undefined) continue;
    for (const variable of Object.keys(inventoryVars(host))) known.add(variable);
    isOpen ||= hasClosedLayer(host);
  }
  return { vars: known, facts: factNames(options.facts), open: isOpen };
}
