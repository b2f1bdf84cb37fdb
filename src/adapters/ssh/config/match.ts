// `Match` of ssh_config, as far as it can be judged without OpenSSH.
import { matchesList } from './patterns.ts';

/** What is known of a host when a line is reached. */
export interface MatchState {
  /** Its names: in the inventory, and the address. */
  readonly names: readonly string[];
  /** The host name so far. */
  readonly host: string;
}

export type Answer = 'yes' | 'no' | 'unsure';

const alone = new Set(['all', 'canonical', 'final']);

/** All criteria must hold, so that one that does not decides. */
export function matchOf(words: readonly string[], state: MatchState): Answer {
  let answer: Answer = 'yes';
  for (let at = 0; at < words.length; at++) {
    const [, not = '', name = '', joined] = /^(!?)([^=]*)(?:=(.*))?$/s.exec(words[at] ?? '') ?? [];
    const criterion = name.toLowerCase();
    const value = alone.has(criterion) ? '' : (joined ?? words[++at] ?? '');
    const holds = one(criterion, value, state);
    if (holds === 'unsure') answer = 'unsure';
    else if ((holds === 'yes') === (not === '!')) return 'no';
  }
  return answer;
}

function one(criterion: string, value: string, { names, host }: MatchState): Answer {
  const listed = (all: readonly string[]): Answer =>
    matchesList(value.split(','), all) ? 'yes' : 'no';
  if (criterion === 'all') return 'yes';
  if (criterion === 'originalhost') return listed(names);
  return criterion === 'host' ? listed([host]) : 'unsure';
}

/** True: with it OpenSSH reads the files a second time, with the host name that it found. */
export const readsTwice = (words: readonly string[]): boolean =>
  words.some((word) => /^!?(?:final|canonical)$/i.test(word));
