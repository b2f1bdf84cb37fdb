// What a person says of hosts that ended badly: the flags for it, and what is wrong with the names.
import type { Command } from 'commander';
import { whyNotResolvable } from '../core/resolve.ts';
import { hostStates, type RunState } from '../core/state.ts';
import { nearest } from '../model/diagnostic.ts';
import type { EventOf } from '../model/event.ts';
import { words } from './options.ts';
import { CommandError } from './world.ts';

/** A person's word about a host. */
export type Resolution = EventOf<'host.resolved'>;

const ways = ['retry', 'skip', 'done'] as const;
type Way = (typeof ways)[number];

export interface ResolveFlags {
  readonly retry?: readonly string[];
  readonly skip?: readonly string[];
  readonly done?: readonly string[];
  readonly why?: string;
}

export const withResolveOptions = (command: Command): Command =>
  command
    .option('--retry <hosts>', 'acknowledge failed hosts and walk them again (names, by commas; may be repeated)', words)
    .option('--skip <hosts>', 'acknowledge failed hosts and leave them as they are', words)
    .option('--done <hosts>', 'acknowledge failed hosts that were fixed by hand', words)
    .option('--why <text>', 'of --retry, --skip and --done: goes into the journal');

export const resolution = (host: string, as: Way, who: string, why: string | undefined): Resolution => ({
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

/** What `--retry`, `--skip` and `--done` say; a host stands in one of them. */
export function resolutionsOf(flags: ResolveFlags, who: string): readonly Resolution[] {
  const all = ways.flatMap((way) => [...new Set(flags[way] ?? [])].map((host) => resolution(host, way, who, flags.why)));
  const twice = all.find(({ host }, index) => all.findIndex((other) => other.host === host) !== index);
  if (twice !== undefined) throw new CommandError(3, `${twice.host} stands in two of --retry, --skip and --done`);
  return all;
}

/** Every name must be of a host that ended badly: all that are not are told at once, before anything is done. */
export function checkResolutions(given: readonly Resolution[], state: RunState): void {
  const wrong = given.flatMap(({ host, as = 'skip' }) => whyNotResolvable(state, host, as) ?? []);
  const [first] = given.filter(({ host, as = 'skip' }) => whyNotResolvable(state, host, as) !== undefined);
  if (first === undefined) return;
  const guess = nearest(first.host, [...[...hostStates(state)].map(({ host }) => host), ...state.leftOut.map(({ host }) => host)]);
  const known = guess !== undefined && guess !== first.host;
  throw new CommandError(
    3,
    wrong.join('; '),
    known ? `did you mean \`${guess}\`?` : `kmend report ${state.run} shows where each host stands`,
  );
}
