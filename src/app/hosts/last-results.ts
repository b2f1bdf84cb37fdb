// What the last `check` and `drift` of each inventory found: one document an inventory in the state
// directory, for the overview of `kmend serve` and for metrics.
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { conclusionOf } from '../../core/history/conclusion.ts';
import type { DriftState, HostDrift } from '../../core/history/drift-report.ts';
import type { CheckedHost } from '../../core/view/overview.ts';
import type { Documents } from '../../engine/ports/store.ts';
import { type Facts, known } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import { causeText, type Failure } from '../../model/run/failure.ts';
import { dataIn, flag, listOf, number, object, oneOf, text } from '../../model/shape/shape.ts';
import { oneLine, toJson } from '../../model/text/printable.ts';
import { checkFamilies, driftFamilies } from '../../screens/metrics/fleet-metrics.ts';
import { writeMetrics } from '../metrics/metrics-file.ts';
import type { Session } from '../session/session.ts';

/** A host that kmend has no facts of has no verdict. */
export interface LastHost extends CheckedHost {
  /** It needs a remedy. */
  readonly needs?: true;
}

export interface LastDrift {
  readonly host: string;
  readonly state: DriftState;
  readonly why?: string;
}

interface Reading<Host> {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly who: string;
  readonly pattern: string;
  readonly exit: number;
  readonly hosts: readonly Host[];
}

export interface LastResults {
  readonly schema: 'kmend.fleet/1';
  readonly inventory: string;
  readonly check?: Reading<LastHost>;
  readonly drift?: Reading<LastDrift>;
}

/** Hosts that a document keeps, and characters of a text. */
const most = { hosts: 20_000, text: 200 };

/** Days that `kmem.ids.days_left` has where dead groups do not grow. */
const never = 99_999;

const reading = (host: ReturnType<typeof object>) =>
  object({ at: number, who: text, pattern: text, exit: number, hosts: listOf(host) });

const shape = object(
  { schema: oneOf('kmend.fleet/1'), inventory: text },
  {
    check: reading(
      object(
        { host: text },
        {
          verdict: text,
          remedy: text,
          failure: text,
          idsUsed: number,
          idsDaysLeft: number,
          idsFullOn: text,
          needs: flag,
        },
      ),
    ),
    drift: reading(
      object(
        { host: text, state: oneOf('kept', 'lost', 'unproven', 'unread', 'never') },
        { why: text },
      ),
    ),
  },
);

/**
 * The documents of all inventories; damaged ones are left out. No two have one label: series of
 * metrics must differ.
 */
export async function lastResults(fleets: Documents): Promise<readonly LastResults[]> {
  const names = await fleets.names();
  const found = await Promise.all(names.map((name) => read(fleets, name)));
  const labels = found.map((one) => one?.inventory);
  return found.flatMap((one, index) => {
    if (one === undefined) return [];
    const isShared = labels.indexOf(one.inventory) !== labels.lastIndexOf(one.inventory);
    return isShared
      ? { ...one, inventory: `${one.inventory} (${names[index]?.slice(0, 4)})` }
      : one;
  });
}

async function read(fleets: Documents, name: string): Promise<LastResults | undefined> {
  const data = dataIn((await fleets.read(name)) ?? '');
  return shape(data, '') === undefined ? (data as LastResults) : undefined;
}

interface CheckRead {
  readonly host: string;
  readonly facts?: Facts;
  readonly failure?: Failure;
}

export async function keepCheck(
  pattern: string,
  rows: readonly CheckRead[],
  exit: number,
  session: Session,
): Promise<void> {
  const hosts = rows.map(lastHost);
  const at = session.world.clock.now();
  await writeMetrics(checkFamilies({ inventory: inventoryOf(session), at, hosts }), session);
  await keep(pattern, session, (before, whole, head) => ({
    ...before,
    check: { ...head, exit, hosts: merged(before.check?.hosts, hosts, whole) },
  }));
}

export async function keepDrift(
  pattern: string,
  rows: readonly HostDrift[],
  exit: number,
  session: Session,
): Promise<void> {
  const now = session.world.clock.now();
  await writeMetrics(driftFamilies(rows, inventoryOf(session), now), session);
  await keep(pattern, session, (before, whole, head) => ({
    ...before,
    drift: { ...head, exit, hosts: merged(before.drift?.hosts, rows.map(lastDrift), whole) },
  }));
}

/** A directory that cannot be written is a warning: the command did its work. */
async function keep(
  pattern: string,
  session: Session,
  change: (
    before: LastResults,
    whole: boolean,
    head: Pick<Reading<never>, 'at' | 'who' | 'pattern'>,
  ) => LastResults,
): Promise<void> {
  const { ports, settings, world, observer } = session;
  const inventory = inventoryOf(session);
  const head = { at: world.clock.now(), who: world.who, pattern };
  try {
    const { fleets } = await ports.store();
    const name = nameOf(pathsOf(session));
    const before = (await read(fleets, name)) ?? { schema: 'kmend.fleet/1', inventory };
    const after = change(before, pattern === 'all' && settings.limit === undefined, head);
    await fleets.write(name, `${toJson(world.secrets.mask({ ...after, inventory }))}\n`);
  } catch (error) {
    observer.notice(
      `what was found is not kept for kmend serve: ${error instanceof Error ? error.message : String(error)}`,
      'warning',
    );
  }
}

/** The new rows; those of other hosts stay where only some hosts were read. */
function merged<Host extends { readonly host: string }>(
  before: readonly Host[] | undefined,
  now: readonly Host[],
  whole: boolean,
): readonly Host[] {
  const names = new Set(now.map(({ host }) => host));
  const others = whole ? [] : (before ?? []).filter(({ host }) => !names.has(host));
  return [...now, ...others].slice(0, most.hosts);
}

/** `prod/inventory.yaml`: without the directories above, which are of this machine only. */
const labelOf = (path: string): string =>
  oneLine(path.includes(',') ? path : path.split('/').slice(-2).join('/'), 60);

const pathsOf = ({ settings, world }: Session): readonly string[] =>
  settings.inventories.map((one) => (one.includes(',') ? one : resolve(world.cwd, one)));

const inventoryOf = (session: Session): string =>
  pathsOf(session).map(labelOf).join(', ').slice(0, most.text);

const nameOf = (inventories: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(inventories)).digest('hex').slice(0, 16);

export function lastHost({ host, facts, failure }: CheckRead): LastHost {
  if (facts === undefined)
    return { host, failure: oneLine(failure === undefined ? '' : causeText(failure), most.text) };
  const days = known(facts, 'kmem.ids.days_left');
  return {
    host,
    verdict: known(facts, 'kmem.verdict', 'unknown'),
    remedy: known(facts, 'kmem.remedy', 'unknown'),
    ...(conclusionOf(facts).kind === 'needs_remedy' ? { needs: true as const } : {}),
    ...present({ idsUsed: known(facts, 'kmem.ids.used') }),
    ...(days === undefined || days >= never ? {} : { idsDaysLeft: days }),
    ...present({ idsFullOn: known(facts, 'kmem.ids.full_on', '') || undefined }),
  };
}

const lastDrift = ({ host, state, why }: HostDrift): LastDrift => ({
  host,
  state,
  ...(why.length === 0 ? {} : { why: oneLine(why.join('; '), most.text) }),
});
