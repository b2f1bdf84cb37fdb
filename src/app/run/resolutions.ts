// Resolutions: the operator's acknowledgement of failed hosts, from flags, with names checked.
import { whyNotResolvable } from '../../core/run-state/resolve.ts';
import { hostState, hostStates, type RunState } from '../../core/run-state/state.ts';
import { resolvePattern } from '../../load/index.ts';
import { nearest } from '../../model/diagnostic.ts';
import type { EventOf } from '../../model/run/event.ts';
import { CommandError } from '../session/world.ts';

/** The operator's acknowledgement of a host. */
export type Resolution = EventOf<'host.resolved'>;

const ways = ['retry', 'skip', 'done'] as const;
type Way = (typeof ways)[number];

export interface ResolveFlags {
  readonly retry?: readonly string[];
  readonly skip?: readonly string[];
  readonly done?: readonly string[];
  readonly why?: string;
}

export const resolution = (
  host: string,
  as: Way,
  who: string,
  why: string | undefined,
): Resolution => ({
  type: 'host.resolved',
  host,
  who,
  note: why ?? `resolved as ${as}`,
  as,
});

/** `--as` of `kmend resolve`. */
export function wayOf(text: string | undefined): Way {
  const way = ways.find((one) => one === text);
  if (way === undefined) throw new CommandError(3, `--as is done, skip or retry, not \`${text}\``);
  return way;
}

/** The resolutions of `--retry`, `--skip` and `--done`, with patterns as they were given. */
export const resolutionsOf = (flags: ResolveFlags, who: string): readonly Resolution[] =>
  ways.flatMap((way) =>
    [...new Set(flags[way] ?? [])].map((host) => resolution(host, way, who, flags.why)),
  );

/**
 * One resolution for each host. Patterns (`web*`, `~web\d+`, `all`, `!web3`) match failed hosts
 * only.
 */
export function resolutionsIn(
  given: readonly Resolution[],
  state: RunState,
): readonly Resolution[] {
  const all = ways.flatMap((way) => {
    const own = given.filter(({ as = 'skip' }) => as === way);
    const names = own.filter(({ host }) => !isPattern(host, state));
    const [first, ...more] = own.filter(({ host }) => isPattern(host, state));
    if (first === undefined) return names;
    const hosts = matching([first, ...more].map(({ host }) => host).join(','), way, state);
    return [
      ...names,
      ...hosts
        .filter((host) => names.every((one) => one.host !== host))
        .map((host) => ({ ...first, host })),
    ];
  });
  const twice = all.find(
    ({ host }, index) => all.findIndex((other) => other.host === host) !== index,
  );
  if (twice !== undefined)
    throw new CommandError(3, `${twice.host} is in two of --retry, --skip and --done`);
  checkResolutions(all, state);
  return all;
}

const isPattern = (word: string, state: RunState): boolean =>
  hostState(state, word) === undefined && (word === 'all' || /^[~!&]|[*?[]/.test(word));

/** The failed hosts of a pattern. An exclusion may name any host of the run. */
function matching(pattern: string, way: Way, state: RunState): readonly string[] {
  const names = [
    ...[...hostStates(state)].map(({ host }) => host),
    ...state.leftOut.map(({ host }) => host),
  ];
  const hosts = new Map(names.map((name) => [name, { name, groups: [], vars: {} }]));
  const { value, diagnostics } = resolvePattern(pattern, { hosts, groups: new Map(), files: [] });
  const failed = (value ?? []).filter((host) => whyNotResolvable(state, host, way) === undefined);
  if (failed.length > 0) return failed;
  const wrong = diagnostics.find(({ severity }) => severity === 'error')?.summary;
  throw new CommandError(
    3,
    wrong ?? `\`${pattern}\` matches no failed host of run ${state.run}`,
    `kmend report ${state.run} shows the state of each host`,
  );
}

/** Every name must be of a failed host. All errors are reported at once, before anything is done. */
function checkResolutions(given: readonly Resolution[], state: RunState): void {
  const wrong = given.flatMap(({ host, as = 'skip' }) => whyNotResolvable(state, host, as) ?? []);
  const [first] = given.filter(
    ({ host, as = 'skip' }) => whyNotResolvable(state, host, as) !== undefined,
  );
  if (first === undefined) return;
  const guess = nearest(first.host, [
    ...[...hostStates(state)].map(({ host }) => host),
    ...state.leftOut.map(({ host }) => host),
  ]);
  const known = guess !== undefined && guess !== first.host;
  throw new CommandError(
    3,
    wrong.join('; '),
    known ? `did you mean \`${guess}\`?` : `kmend report ${state.run} shows the state of each host`,
  );
}
