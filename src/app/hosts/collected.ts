// Outputs of `kmend probe` that were collected by other means: a directory of files, one row a host.

import { withDerived } from '../../core/plan/overlay.ts';
import { baselineOf, checkWants, outputsIn, parseProbe, readingOf } from '../../facts/index.ts';
import { type Facts, known } from '../../model/fact.ts';
import type { IdReading } from '../../model/facts/values.ts';
import { present } from '../../model/present.ts';
import { attempt, type Failure, type Outcome, ok } from '../../model/run/failure.ts';
import { matchesWildcard } from '../../model/text/wildcard.ts';
import { type Unknown, unknown } from '../../model/value.ts';
import type { CheckRow } from '../../screens/hosts/check-table.ts';
import { CommandError, type Surroundings } from '../session/world.ts';

/** One output: of whom, by the file or what is in it, and what it says. */
interface Found {
  readonly host: string;
  readonly file: string;
  readonly facts?: Facts;
  readonly failure?: Failure;
}

const howTo = 'run `kmend probe > probe.sh`, then `sh probe.sh > DIR/HOST` on each host';

/**
 * A file `node-a1`, `node-a1.txt` or `monday/node-a1.log.gz` is what the probe printed on node-a1;
 * `hosts` are names or globs, `all` for all of them.
 */
export function collected(
  directory: string,
  hosts: string,
  around: Surroundings,
): readonly CheckRow[] {
  const files = filesIn(directory, around);
  if (files.length === 0) throw new CommandError(11, `${directory} holds no outputs`, howTo);
  const rows = rowsOf(
    files.flatMap((file) => readFile(directory, file, around)),
    around,
  );
  const wanted = rows.filter((row) => isWanted(row.host, hosts));
  if (wanted.length > 0) return wanted;
  throw new CommandError(
    11,
    `no output in ${directory} is of a host that matches \`${hosts}\``,
    `it has ${namesOf(rows)}`,
  );
}

const namesOf = (rows: readonly CheckRow[]): string => {
  const names = rows.slice(0, 5).map((row) => row.host);
  return rows.length > names.length
    ? `${names.join(', ')} and ${rows.length - names.length} more`
    : names.join(', ');
};

function isWanted(host: string, hosts: string): boolean {
  const words = hosts.split(/[,:]/).filter((word) => word !== '');
  return words.some((word) => word === 'all' || matchesWildcard(word, host));
}

/** Files of the directory and its subdirectories, as relative paths, without hidden ones. */
function filesIn(directory: string, around: Surroundings): readonly string[] {
  const names = around.world.reader.list(directory);
  if (names === undefined)
    throw new CommandError(
      3,
      `--from wants a directory with one probe output a host, and ${directory} is none`,
      howTo,
    );
  const shown = (list: readonly string[]): readonly string[] =>
    list.filter((name) => !name.startsWith('.')).toSorted();
  return shown(names).flatMap((name) => {
    const inner = around.world.reader.list(`${directory}/${name}`);
    return inner === undefined ? [name] : shown(inner).map((one) => `${name}/${one}`);
  });
}

const endings: ReadonlySet<string> = new Set([
  'txt',
  'out',
  'log',
  'stdout',
  'json',
  'probe',
  'kmend',
  'gz',
]);

/** The host name in a file name: `node-a1` for `monday/node-a1.log.gz`. */
function stemOf(file: string): string {
  const words = file.replace(/^.*\//, '').split('.');
  return words
    .slice(0, words.findLastIndex((word) => !endings.has(word.toLowerCase())) + 1)
    .join('.');
}

function readFile(directory: string, file: string, around: Surroundings): readonly Found[] {
  const read = around.world.reader.readData(`${directory}/${file}`);
  const unread = read.ok ? (read.text.trim() === '' ? 'is empty' : '') : read.why;
  if (!read.ok || unread !== '')
    return [{ host: stemOf(file), file, failure: { kind: 'parse', message: `${file} ${unread}` } }];
  const found = attempt(file, () => ok(outputsIn(read.text)));
  if (!found.ok) return [{ host: stemOf(file), file, failure: found.failure }];
  const outputs = found.value.map((output) => {
    const parsed = parsedOutput(output.text);
    const answer = parsed.ok
      ? { facts: parsed.value }
      : { failure: { ...parsed.failure, message: `${file}: ${parsed.failure.message}` } };
    return { ...present({ named: output.host }), ...answer };
  });
  // A file may hold a first output that was interrupted, before the whole one.
  const used = outputs.filter((output) => output.named !== undefined || output.facts !== undefined);
  const left = outputs.length - used.length;
  if (used.length > 0 && left > 0)
    around.observer.notice(
      `${file}: ${left} of its ${outputs.length} outputs cannot be used and are left out`,
      'warning',
    );
  return named(file, used.length > 0 ? used : outputs.slice(0, 1), around);
}

/** The facts of an output. Outputs of earlier versions have the base areas only. */
function parsedOutput(text: string): Outcome<Facts> {
  const parsed = parseProbe(text, checkWants);
  const older = parsed.ok ? parsed : parseProbe(text);
  return older.ok ? older : parsed;
}

type Unnamed = Omit<Found, 'host' | 'file'> & { readonly named?: string };

/**
 * The hosts of a file's outputs. A file is of one host, unless its lines have names or its outputs
 * are of different machines.
 */
function named(file: string, outputs: readonly Unnamed[], around: Surroundings): readonly Found[] {
  const stem = stemOf(file);
  const several =
    new Set(outputs.map(({ facts }) => identityOf(facts))).size > 1 &&
    outputs.some((output) => output.named === undefined);
  if (several)
    around.observer.notice(
      `${file} holds outputs of several hosts: they are named by what they call themselves`,
      'warning',
    );
  return outputs.map(({ named: name, facts, failure }, index) => ({
    host: name ?? (several ? ownName(facts) || `${stem}#${index + 1}` : stem),
    file,
    ...present({ facts, failure }),
  }));
}

const ownName = (facts: Facts = {}): string =>
  known(facts, 'host.name', '').replace(/^\(none\)$/, '');
const identityOf = (facts: Facts = {}): string =>
  `${known(facts, 'machine.id', '')} ${ownName(facts)}`;

/** One row a host. The latest output is judged, and compared with earlier ones of the same boot. */
function rowsOf(found: readonly Found[], around: Surroundings): readonly CheckRow[] {
  const byHost = new Map<string, Found[]>();
  for (const one of found) byHost.set(one.host, [...(byHost.get(one.host) ?? []), one]);
  return [...byHost.values()].flatMap((group) => {
    const [first, ...others] = group;
    if (first === undefined) return [];
    if (others.length === 0)
      return [
        rowOf(first, unknown('there is one output of this host: nothing to compare it with')),
      ];
    const good = group.filter((one) => one.facts !== undefined);
    const files = [...new Set(group.map((one) => one.file))].join(', ');
    if (new Set(good.map((one) => identityOf(one.facts))).size > 1) {
      around.observer.notice(
        `${files}: outputs of different machines under one name, ${first.host}`,
        'warning',
      );
      return group.map((one) =>
        rowOf({ ...one, host: `${one.host} (${one.file})` }, unknown('its name is not clear')),
      );
    }
    around.observer.notice(
      `${files}: ${group.length} outputs of ${first.host}: the latest is judged`,
      'warning',
    );
    const inOrder = good.toSorted(
      ({ facts: a = {} }, { facts: b = {} }) =>
        known(a, 'clock.epoch', 0) - known(b, 'clock.epoch', 0) ||
        known(a, 'boot.uptime', 0) - known(b, 'boot.uptime', 0),
    );
    const last = inOrder.at(-1);
    return [last === undefined ? rowOf(first, unknown('')) : rowOf(last, earlierOf(last, inOrder))];
  });
}

function rowOf({ host, facts, failure }: Found, before: IdReading | Unknown): CheckRow {
  if (facts === undefined)
    return { host, failure: failure ?? { kind: 'parse', message: 'there is no output' } };
  const settled = attempt(`the output of ${host}`, () =>
    ok(withDerived({ ...facts, 'kmem.ids.before': before }, undefined)),
  );
  return settled.ok ? { host, facts: settled.value } : { host, failure: settled.failure };
}

/** The earlier reading of the same boot, by its id. */
function earlierOf({ facts: last = {} }: Found, all: readonly Found[]): IdReading | Unknown {
  const now = readingOf(last);
  if (typeof now === 'string') return unknown(now);
  const boot = known(last, 'boot.id', '');
  const readings = all
    .filter(
      (one) => one.facts !== last && boot !== '' && known(one.facts ?? {}, 'boot.id') === boot,
    )
    .map((one) => readingOf(one.facts ?? {}))
    .filter((reading): reading is IdReading => typeof reading !== 'string')
    .toSorted((a, b) => a.uptime - b.uptime);
  const before = baselineOf(readings, now);
  return typeof before === 'string' ? unknown(before) : { ...before };
}
