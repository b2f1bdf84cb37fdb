// Reports policies whose keys are all valid and that still cannot work, before any host is
// contacted.
import type { Inventory } from '../../../model/host.ts';
import type { Rollout } from '../../../model/playbook.ts';
import { plural } from '../../../model/text/plural.ts';
import { resolvePattern } from '../../inventory/pattern.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { type Entry, nodeAt, type Tree } from '../../text/tree.ts';

export interface PlayHosts {
  readonly inventory: Inventory;
  /** Hosts of the play's pattern. */
  readonly hosts: readonly string[];
}

interface Check {
  readonly collector: DiagnosticsCollector;
  readonly rollout: Rollout;
  readonly tree: Tree;
  /** The offset of a key of the policy. */
  readonly at: (...path: readonly [string, ...(string | number)[]]) => number;
}

/** Reports what cannot work. `play` is absent where the inventory is not known. */
export function checkPolicy(
  collector: DiagnosticsCollector,
  entry: Entry | undefined,
  rollout: Rollout,
  play: PlayHosts | undefined,
): void {
  if (entry?.value.kind !== 'map') return;
  const check: Check = {
    collector,
    rollout,
    tree: entry.value,
    at: (...path) => placeOf(entry.value, path),
  };
  checkWaves(check);
  checkWindows(check);
  checkFreezes(check);
  checkGateNames(check);
  checkDeadlines(check);
  if (play !== undefined && play.hosts.length > 0) checkCanary(check, play);
}

/** A list with one item may be written as the item alone: its path then has no index. */
function placeOf(tree: Tree, [key, ...rest]: readonly (string | number)[]): number {
  const { node } = nodeAt(tree, key === undefined ? [] : [key]);
  return nodeAt(node, node.kind === 'list' ? rest : rest.filter((part) => typeof part === 'string'))
    .node.at;
}

const written = (minutes: number): string =>
  `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;

function checkWaves({ collector, tree, at }: Check): void {
  const { node, exact } = nodeAt(tree, ['waves']);
  if (!exact || node.kind !== 'list' || node.items.length > 0) return;
  collector.error(at('waves'), 'no-waves', '`waves` is an empty list, so no wave has a host', {
    hint: 'leave the key out for one wave of all hosts',
  });
}

function checkWindows({ collector, rollout, at }: Check): void {
  for (const [index, window] of rollout.windows.entries()) {
    if (window.from % 1440 !== window.to % 1440 || window.from < window.to) continue;
    collector.error(
      at('windows', index, 'to'),
      'window-never-opens',
      `this window closes at ${written(window.to)}, when it opens: it is open for no time at all`,
      { hint: 'for the whole day write `from: 0:00, to: 24:00`' },
    );
  }
}

const year = 366;

function checkFreezes({ collector, rollout, at }: Check): void {
  for (const [index, freeze] of rollout.freeze.entries()) {
    const days = (Date.parse(`${freeze.to}Z`) - Date.parse(`${freeze.from}Z`)) / 86_400_000;
    if (days <= year) continue;
    collector.error(
      at('freeze', index, 'to'),
      'freeze-too-long',
      `this freeze lasts ${Math.floor(days)} days, and no host starts in that time`,
      {
        hint: `is ${freeze.to.slice(0, 4)} the right year? Instead of a freeze of more than a year, do not run the play`,
      },
    );
  }
}

function checkGateNames({ collector, rollout, at }: Check): void {
  const seen = new Set<string>();
  for (const [index, gate] of rollout.gates.entries()) {
    if (seen.has(gate.name)) {
      collector.error(
        at('gates', index, 'name'),
        'gate-named-twice',
        `two gates are called ${gate.name}`,
        {
          detail: 'the journal knows a gate by its name, so only one of the two would be checked',
          hint: 'give each gate its own name',
        },
      );
    }
    seen.add(gate.name);
  }
}

function checkDeadlines({ collector, rollout, at }: Check): void {
  const { host, run } = rollout.deadline;
  for (const [key, seconds] of Object.entries(rollout.deadline)) {
    if (seconds > 0) continue;
    collector.error(
      at('deadline', key),
      'no-time',
      `\`deadline.${key}\` is 0, so the time is over before the first task`,
      {
        hint: 'leave the key out for no deadline',
      },
    );
  }
  if (host !== undefined && run !== undefined && host > run) {
    collector.error(
      at('deadline', 'host'),
      'deadline-too-long',
      'a host may take longer than the whole run: `deadline.host` can never be reached',
      {
        hint: 'make `deadline.run` the longer one, or leave `deadline.host` out',
      },
    );
  }
  const soak = rollout.canary?.soak ?? 0;
  if (run !== undefined && run > 0 && soak >= run) {
    collector.error(
      at('canary', 'soak'),
      'soak-too-long',
      'the canary soaks longer than the run may take: no other host ever starts',
      {
        hint: 'make `deadline.run` longer than the soak',
      },
    );
  }
}

function checkCanary({ collector, rollout, at }: Check, { inventory, hosts }: PlayHosts): void {
  const canary = rollout.canary?.hosts;
  if (canary === undefined) return;
  if ('count' in canary && canary.count > hosts.length) {
    collector.error(
      at('canary'),
      'canary-too-large',
      `the canary has ${plural(canary.count, 'host')}, the play only ${hosts.length}`,
      {
        hint: 'a canary needs fewer hosts than the play has',
      },
    );
  }
  if (!('pattern' in canary)) return;
  const place = collector.source.placeAt(at('canary', 'hosts'));
  const found = resolvePattern(canary.pattern, inventory, place);
  for (const one of found.diagnostics) collector.diagnostics.push(one);
  if (found.value === undefined || found.value.some((host) => hosts.includes(host))) return;
  collector.errorAt(
    place,
    'canary-elsewhere',
    `the canary \`${canary.pattern}\` has none of the play's hosts`,
    {
      hint: 'without a canary no other host ever starts: name hosts of this play',
    },
  );
}
