// The draft of an inventory: several files add groups and hosts to it, before it becomes an
// `Inventory`.
import type { Diagnostic, Place } from '../../model/diagnostic.ts';
import type { Mapping, Value } from '../../model/value.ts';
import { put } from '../text/tree.ts';
import { expandRange } from './range.ts';

export interface DraftGroup {
  readonly name: string;
  readonly hosts: Set<string>;
  readonly children: Set<string>;
  readonly vars: Record<string, Value>;
  priority: number;
  readonly place: Place;
}

export interface DraftHost {
  readonly name: string;
  readonly vars: Record<string, Value>;
  readonly place: Place;
}

export interface Draft {
  readonly groups: Map<string, DraftGroup>;
  readonly hosts: Map<string, DraftHost>;
  readonly diagnostics: Diagnostic[];
  readonly files: string[];
  /** Counts the hosts that ranges made, plus the variables of these hosts. */
  ranged: number;
  /** Variables of inventories that are encrypted as a whole. */
  readonly secretVars: Mapping[];
  /** Inventory programs that were not run, because the reader may not run programs. */
  readonly notRun: string[];
}

const nowhere: Place = { file: '', line: 1, column: 1 };

/** A draft with the group `all` and its first child `ungrouped`. */
export function newDraft(): Draft {
  const draft: Draft = {
    groups: new Map(),
    hosts: new Map(),
    diagnostics: [],
    files: [],
    ranged: 0,
    secretVars: [],
    notRun: [],
  };
  groupNamed(draft, 'all', nowhere).children.add('ungrouped');
  groupNamed(draft, 'ungrouped', nowhere);
  return draft;
}

export function groupNamed(draft: Draft, name: string, place: Place): DraftGroup {
  const known = draft.groups.get(name);
  if (known !== undefined) return known;
  const group: DraftGroup = {
    name,
    hosts: new Set(),
    children: new Set(),
    vars: {},
    priority: 1,
    place,
  };
  draft.groups.set(name, group);
  return group;
}

/** Sets a variable of a group; `ansible_group_priority` sets its order among its depth instead. */
export function setGroupVar(
  draft: Draft,
  group: DraftGroup,
  name: string,
  value: Value,
  place: Place,
): void {
  if (name !== 'ansible_group_priority') {
    put(group.vars, name, value);
    return;
  }
  const priority = typeof value === 'number' ? value : Number(value);
  if (Number.isInteger(priority)) group.priority = priority;
  else
    report(
      draft,
      'group-priority',
      place,
      `ansible_group_priority of ${group.name} should be a whole number`,
    );
}

/**
 * Most hosts and variables that the ranges of an inventory may make: a few lines can name more hosts
 * than memory holds.
 */
const mostRanged = 500_000;

/**
 * Adds the hosts of a pattern (`node[01:12]`, `h:22`) to a group and returns them.
 * @param variables how many variables the caller then sets on each host
 */
export function addHosts(
  draft: Draft,
  group: DraftGroup,
  pattern: string,
  place: Place,
  variables = 0,
): readonly DraftHost[] {
  const { name, port } = splitPort(pattern);
  // Such a name is a typing error, or a line of YAML in a file that is read as INI.
  if (name.endsWith(':') || name === '---') {
    const hint =
      'leave out the colon, or write a port after it; a YAML inventory has a name that ends in .yaml';
    report(draft, 'host-name', place, `\`${pattern}\` is not the name of a host`, { hint });
    return [];
  }
  // The error was reported when the limit was exceeded.
  if (draft.ranged > mostRanged && name.includes('[')) return [];
  const expanded = expandRange(name);
  if (!expanded.ok) {
    const hint = 'brackets in the name of a host are a range: node[01:12], rack-[a:c]';
    report(draft, 'range', place, `\`${pattern}\` cannot be read: ${expanded.why}`, { hint });
    return [];
  }
  if (expanded.names.length > 1) draft.ranged += expanded.names.length * (1 + variables);
  if (draft.ranged > mostRanged && expanded.names.length > 1) {
    const summary = `with \`${pattern}\` the ranges of this inventory make more than ${mostRanged} hosts and variables`;
    report(draft, 'range', place, summary, {
      hint: 'give variables to a group of these hosts instead',
    });
    return [];
  }
  return expanded.names.map((host) => addHost(draft, group, host, port, place));
}

function addHost(
  draft: Draft,
  group: DraftGroup,
  name: string,
  port: number | undefined,
  place: Place,
): DraftHost {
  const known = draft.hosts.get(name);
  const host = known ?? { name, vars: {}, place };
  if (known === undefined) {
    draft.hosts.set(name, host);
    if (port !== undefined) host.vars.ansible_port = port;
  }
  group.hosts.add(name);
  return host;
}

/** `h:22` and `[::1]:22` carry a port; `fe80::1` and `x[1:3]` do not. */
function splitPort(pattern: string): { readonly name: string; readonly port?: number } {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(pattern);
  if (bracketed?.[1]?.includes(':') === true) return withPort(bracketed[1] ?? '', bracketed[2]);
  const found = /^((?:[^:[\]]|\[[^[\]]*\])+):(\d+)$/.exec(pattern);
  return found === null ? { name: pattern } : withPort(found[1] ?? '', found[2]);
}

const withPort = (name: string, port: string | undefined) =>
  port === undefined ? { name } : { name, port: Number(port) };

export function report(
  draft: Draft,
  code: string,
  place: Place,
  summary: string,
  more: Partial<Diagnostic> = {},
): void {
  draft.diagnostics.push({ code, severity: 'error', place, summary, ...more });
}

/** Warns when a value loses characters as a number: the version `20.10` becomes 20.1. */
export function warnLoss(
  draft: Draft,
  name: string,
  text: string,
  value: Value,
  place: Place,
): void {
  const written = text.trim();
  const lost =
    typeof value === 'number'
      ? String(value) !== written
      : Array.isArray(value) && !/^[[({]|^set/.test(written);
  if (!lost) return;
  report(
    draft,
    'value-loses-characters',
    place,
    `\`${name}\`: ${written} is read as ${JSON.stringify(value)}`,
    {
      severity: 'warning',
      hint: `if it is text, quote it: '"${written}"' on a host line of an INI file, "${written}" elsewhere`,
    },
  );
}
