// A run as JUnit XML, which CI systems read: the play is a suite, each host a test case.
import type { HostSummary, RunSummary } from '../../core/history/run-summary.ts';
import { causeText, type Failure } from '../../model/run/failure.ts';
import { harmless } from '../../model/text/printable.ts';
import { leftOpenText, proofText } from './proof-text.ts';

/** The child element of a test case; none = it passed. */
interface Outcome {
  readonly element: 'failure' | 'error' | 'skipped';
  readonly type: string;
  readonly message: string;
  readonly hint?: string;
}

interface Case {
  readonly host: string;
  readonly seconds: number;
  readonly outcome?: Outcome | undefined;
  readonly output?: string | undefined;
}

/**
 * A host passes when it ended well or has nothing to do. Failed, refused and unproven hosts,
 * and rescued ones that count for the brake, are failures, hosts without a plan errors, and hosts that were not started are skipped.
 */
export function junitXml(run: RunSummary): string {
  const cases = [
    ...run.hosts.map(caseOf),
    ...run.leftOut.map(
      ({ host, failure }): Case => ({ host, seconds: 0, outcome: ofFailure('error', failure) }),
    ),
  ];
  const count = (element: Outcome['element']): number =>
    cases.filter(({ outcome }) => outcome?.element === element).length;
  const totals = {
    tests: cases.length,
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
    time: secondsText((run.lastAt - run.startedAt) / 1000),
  };
  const properties = {
    run: run.run,
    state: run.state,
    // CI keeps it for many readers: without the directories of this machine.
    playbook: run.playbook.split('/').at(-1) ?? '',
    plan: run.planId,
    ...(run.finished === undefined
      ? {}
      : { exit: String(run.finished.exit), why: run.finished.why }),
    journal_entries: String(run.journal.entries),
    journal_head: run.journal.head,
  };
  const name = run.play === '' ? run.run : run.play;
  const timestamp = new Date(run.startedAt).toISOString().slice(0, 19);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({ name: 'kmend', ...totals })}>`,
    `  <testsuite${attributes({ name, ...totals, timestamp })}>`,
    '    <properties>',
    ...Object.entries(properties).map(
      ([key, value]) => `      <property${attributes({ name: key, value })}/>`,
    ),
    '    </properties>',
    ...cases.flatMap((one) => caseLines(one, name)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function caseOf(host: HostSummary): Case {
  const { startedAt, endedAt, proof } = host;
  const took = startedAt === undefined || endedAt === undefined ? 0 : (endedAt - startedAt) / 1000;
  return {
    host: host.host,
    seconds: took,
    outcome: outcomeOf(host),
    output: proof === undefined ? undefined : `${proofText(proof)}${leftOpenText(proof.accepted)}`,
  };
}

function outcomeOf({
  status,
  failure,
  refused,
  proven,
  keptOut,
  rescued,
}: HostSummary): Outcome | undefined {
  switch (status) {
    case 'failed':
      return failure === undefined
        ? { element: 'failure', type: 'failed', message: 'failed' }
        : ofFailure('failure', failure);
    case 'refused':
      return {
        element: 'failure',
        type: 'refused',
        message: refused?.why ?? 'a condition of the play is not met',
        ...(refused?.hint === undefined ? {} : { hint: refused.hint }),
      };
    case 'done':
    case 'soaking':
      if (rescued?.counts === true) return ofRescued(rescued);
      return proven === 'provisional'
        ? { element: 'failure', type: 'not_verified', message: 'nothing proves it yet' }
        : undefined;
    case 'same':
      return undefined;
    case 'running':
      return { element: 'skipped', type: 'running', message: 'not at its end' };
    case 'planned':
    case 'waiting':
      return { element: 'skipped', type: 'not_started', message: keptOut ?? 'not started' };
  }
}

/** It ended well, but an operator must acknowledge it. */
const ofRescued = ({ failed, failure }: NonNullable<HostSummary['rescued']>): Outcome => ({
  element: 'failure',
  type: 'rescued',
  message: `rescued after ${failed ?? 'a block'}${failure === undefined ? '' : `: ${causeText(failure)}`}`,
});

const ofFailure = (element: 'failure' | 'error', failure: Failure): Outcome => ({
  element,
  type: failure.kind,
  message: causeText(failure),
  ...(failure.hint === undefined ? {} : { hint: failure.hint }),
});

function caseLines({ host, seconds, outcome, output }: Case, suite: string): readonly string[] {
  const open = `    <testcase${attributes({ name: host, classname: suite, time: secondsText(seconds) })}`;
  const children = [
    ...(outcome === undefined ? [] : [outcomeLine(outcome)]),
    ...(output === undefined ? [] : [`      <system-out>${escaped(output)}</system-out>`]),
  ];
  return children.length === 0 ? [`${open}/>`] : [`${open}>`, ...children, '    </testcase>'];
}

function outcomeLine({ element, type, message, hint }: Outcome): string {
  if (element === 'skipped') return `      <skipped${attributes({ message })}/>`;
  const body = hint === undefined ? '' : escaped(hint);
  return `      <${element}${attributes({ message, type })}>${body}</${element}>`;
}

const secondsText = (seconds: number): string => seconds.toFixed(3);

const attributes = (pairs: Readonly<Record<string, string | number>>): string =>
  Object.entries(pairs)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join('');

/** Text of hosts, too: XML allows neither control characters nor the two noncharacters. */
const escaped = (text: string): string =>
  harmless(text)
    .replace(/[\ufffe\uffff]/g, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
