// Lost remedies: does a host that an earlier run remediated still have its remedy? Compares its
// facts of now with what that run changed.
import { type Facts, known } from '../../model/fact.ts';
import type { ByName } from '../../model/facts/row.ts';
import { present } from '../../model/present.ts';
import type { Failure } from '../../model/run/failure.ts';
import { compareDeb, compareRpm } from '../../model/text/versions.ts';
import type { MadeChange, Remediated } from '../run-state/host-history.ts';
import { conclusionOf } from './conclusion.ts';

/**
 * `kept`: the remedy is there and no other is needed. `lost`: a remedy is needed (again).
 * `unproven`: nothing shows whether accounting is on. `unread`: no facts. `never`: no run
 * remediated it, and it needs no remedy.
 */
export type DriftState = 'kept' | 'lost' | 'unproven' | 'unread' | 'never';

export interface HostDrift {
  readonly host: string;
  readonly state: DriftState;
  /** What has changed since, one sentence each. */
  readonly why: readonly string[];
  /** Programs that still account, as the run accepted. */
  readonly leftOpen: readonly string[];
  readonly mended?: Remediated;
  readonly verdict: string;
  readonly evidence: string;
  readonly remedy: string;
  readonly failure?: Failure;
}

/** `remediated` undefined: no earlier run remediated this host. */
export function hostDrift(
  host: string,
  remediated: Remediated | undefined,
  read: { readonly facts: Facts } | { readonly failure: Failure },
): HostDrift {
  if ('failure' in read)
    return {
      host,
      state: 'unread',
      why: [read.failure.message],
      leftOpen: [],
      ...present({ mended: remediated }),
      verdict: '',
      evidence: '',
      remedy: '',
      failure: read.failure,
    };
  const { facts } = read;
  const [verdict, remedy] = [
    known(facts, 'kmem.verdict', 'unknown'),
    known(facts, 'kmem.remedy', ''),
  ];
  const gone =
    remediated === undefined
      ? []
      : remediated.changes.flatMap((change) => differences(change, facts));
  const state = stateOf(facts, remediated);
  const remedyWhy = known(facts, 'kmem.remedy_why', '');
  const inPart = isInPart(facts, remediated);
  const reason = inPart ? known(facts, 'kmem.partial_evidence', '') : remedyWhy;
  const why =
    state === 'lost' && (inPart || gone.length === 0)
      ? [...(gone.length === 0 ? notes(remediated) : gone), ...(reason === '' ? [] : [reason])]
      : gone;
  const leftOpen =
    state === 'kept' && inPart ? (remediated?.proof.accepted ?? []).map(({ name }) => name) : [];
  return {
    host,
    state,
    why,
    leftOpen,
    ...present({ mended: remediated }),
    verdict,
    evidence: known(facts, 'kmem.evidence', ''),
    remedy,
  };
}

/** Programs that the run accepted still account; the rest of the remedy must be kept. */
const isInPart = (facts: Facts, remediated: Remediated | undefined): boolean =>
  remediated?.proof.accepted !== undefined &&
  known(facts, 'kmem.partial', '') !== '' &&
  conclusionOf(facts).kind === 'needs_remedy';

const partStates: ByName<DriftState> = { samples: 'kept', none: 'unproven', refuted: 'lost' };

function stateOf(facts: Facts, remediated: Remediated | undefined): DriftState {
  const inPart = isInPart(facts, remediated)
    ? partStates[known(facts, 'kmem.partial', '')]
    : undefined;
  if (inPart !== undefined) return inPart;
  const { kind } = conclusionOf(facts);
  if (kind === 'needs_remedy') return 'lost';
  if (kind === 'unknown') return 'unproven';
  return remediated === undefined ? 'never' : 'kept';
}

const notes = (remediated: Remediated | undefined): readonly string[] =>
  remediated === undefined
    ? ['no earlier run remediated it']
    : ['all that the run had set is still there'];

/** How the facts differ from a change of the run; empty when nothing differs. */
function differences(change: MadeChange, facts: Facts): readonly string[] {
  const argument = /^boot argument (\S+)$/.exec(change.what)?.[1];
  if (argument !== undefined) return argumentDifferences(argument, change.after, facts);
  if (change.what === 'kernel that boots next') return kernelDifferences(change.after ?? '', facts);
  const name = /^package (\S+)$/.exec(change.what)?.[1];
  return name === undefined ? [] : packageDifferences(name, change.after ?? '', facts);
}

const words = (cmdline: string): readonly string[] => cmdline.split(/\s+/).filter(Boolean);

/** The items of every occurrence of a key; without `=` it has the item ''. */
const itemsOf = (tokens: readonly string[], key: string): readonly string[] =>
  tokens
    .filter((token) => token === key || token.startsWith(`${key}=`))
    .flatMap((token) => token.slice(key.length + 1).split(','));

function argumentDifferences(
  key: string,
  after: string | undefined,
  facts: Facts,
): readonly string[] {
  const wanted = itemsOf(words(after ?? ''), key);
  const missing = (name: 'boot.cmdline' | 'boot.next_cmdline' | 'boot.cmdline_future'): boolean => {
    const line = known(facts, name, '');
    if (line === '') return false;
    const there = itemsOf(words(line), key);
    return after === undefined ? there.length > 0 : wanted.some((item) => !there.includes(item));
  };
  const shown = after ?? `no ${key}`;
  const next = known(facts, 'kernel.next', '');
  const of = next === '' ? '' : ` (kernel ${next})`;
  return [
    ...(missing('boot.cmdline') ? [`${shown} is not on the command line of this boot`] : []),
    ...(missing('boot.next_cmdline')
      ? [`${shown} is not on the command line of the next boot${of}`]
      : []),
    ...(after !== undefined && missing('boot.cmdline_future')
      ? [`a kernel installed later would not get ${shown}`]
      : []),
  ];
}

const withoutArch = (release: string): string =>
  release.replace(/\.(?:x86_64|i686|aarch64|ppc64le|ppc64|s390x)$/, '');

/** A newer kernel is no loss by itself: the argument and the verdict show that. */
function kernelDifferences(after: string, facts: Facts): readonly string[] {
  const next = known(facts, 'kernel.next', '');
  const now = known(facts, 'kernel.release', '');
  const older = (release: string): boolean =>
    release !== '' && compareRpm(withoutArch(release), withoutArch(after)) < 0;
  return [
    ...(older(now) ? [`kernel ${now} runs, older than ${after}`] : []),
    ...(older(next) && next !== now ? [`kernel ${next} boots next, older than ${after}`] : []),
  ];
}

/** Package facts that every probe reads. */
const packageFacts: ByName<
  'docker.evr' | 'cli.evr' | 'containerd.evr' | 'runc.evr' | 'kubelet.evr'
> = {
  'docker-ce': 'docker.evr',
  'docker-ce-cli': 'cli.evr',
  'containerd.io': 'containerd.evr',
  runc: 'runc.evr',
  kubelet: 'kubelet.evr',
};

function packageDifferences(name: string, after: string, facts: Facts): readonly string[] {
  const fact = packageFacts[name];
  const now = fact === undefined ? undefined : known(facts, fact);
  if (now === undefined || now === after) return [];
  if (now === '') return [`${name} ${after} is not installed any more`];
  if (after === '') return [`${name} ${now} is installed again`];
  const compare = known(facts, 'packages.manager', '') === 'apt' ? compareDeb : compareRpm;
  return [`${name} is ${now}, ${compare(now, after) < 0 ? 'older' : 'newer'} than ${after}`];
}
