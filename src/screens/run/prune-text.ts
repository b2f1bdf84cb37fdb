// Which old runs were removed, and why others stay.
import type { Needed } from '../../core/history/retention.ts';
import { plural } from '../layout.ts';

type Stays = Needed | 'changed' | 'under_way';

const reasons: Readonly<Record<Stays, string>> = {
  not_over: 'not over: `kmend report RUN` says what each waits for',
  drift: 'needed by `kmend drift`: they remediated a host last',
  rollback: 'needed by the rollback of an older run that stays',
  changed: 'changed after they were written: see `kmend audit verify`',
  under_way: 'under way',
};

interface Pruned {
  readonly removed: readonly string[];
  readonly stays: ReadonlyMap<string, Stays>;
}

/** Lines about removed runs; none where no run was old enough. */
export function pruneLines({ removed, stays }: Pruned, isCheck = false): readonly string[] {
  const [first, last] = [removed[0], removed.at(-1)];
  const range = first === last ? first : `${first} to ${last}`;
  const by = new Map<Stays, string[]>();
  for (const [run, why] of stays) by.set(why, [...(by.get(why) ?? []), run]);
  return [
    ...(first === undefined
      ? []
      : [
          `${isCheck ? 'would remove' : 'removed'} ${plural(removed.length, 'run')}: ${range}; the heads of their journals are kept`,
        ]),
    ...[...by].map(
      ([why, names]) =>
        `${plural(names.length, 'older run stays', 'older runs stay')}, ${reasons[why]}: ${some(names)}`,
    ),
  ];
}

const some = (names: readonly string[]): string =>
  names.length <= 5
    ? names.join(', ')
    : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;
