// Observes a host: one script and one exec read all of its facts. Read-only; the caller names the
// facts that it wants beside the base facts.

import { outputArea, readingArea } from '../../core/plan/task/ask.ts';
import {
  type Area,
  areas,
  buildProbe,
  longestAnswer,
  parseProbe,
  withPrelude,
} from '../../facts/index.ts';
import { allOf, type Facts, type FactWant, fact, wantKey } from '../../model/fact.ts';
import type { CommandOutput } from '../../model/facts/values.ts';
import { failed, type Outcome } from '../../model/run/failure.ts';
import type { Mapping } from '../../model/value.ts';
import type { Session } from './session.ts';

export interface Observed {
  /** Without derived facts. */
  readonly facts: Facts;
  readonly asked: ReadonlySet<string>;
}

export const nothingObserved: Observed = { facts: {}, asked: new Set() };

/** Seconds; the probe itself bounds calls that may hang (docker, the package database). */
const probeTimeout = 90;

/** Reads the base facts and these wants, and adds them to the known facts. */
export async function observe(
  session: Session,
  wants: readonly FactWant[],
  before: Observed = nothingObserved,
): Promise<Outcome<Observed>> {
  const parsed = await probe(session, wants);
  return parsed.ok ? withOutputs(session, wants, before, parsed.value) : parsed;
}

/** Adds what scripts beside the probe answer to facts that the probe has read. */
export const observeBeside = (
  session: Session,
  wants: readonly FactWant[],
  before: Observed,
): Promise<Outcome<Observed>> => withOutputs(session, wants, before, {});

/** Reads what tasks want to know of the machine that runs kmend: one exec for each want. */
export async function observeHere(
  session: Session,
  wants: readonly FactWant[],
  before: Observed,
): Promise<Outcome<Observed>> {
  const read: Facts[] = [before.facts];
  for (const want of wants) {
    const { area: name, args = {} } = want;
    const area = areas.get(name);
    const answer =
      area === undefined ? await outputs(session, [want]) : await readArea(area, args, session);
    if (!answer.ok) return answer;
    read.push(answer.value);
  }
  const asked = new Set([...before.asked, ...wants.map(wantKey)]);
  return { ok: true, value: { facts: allOf(read), asked } };
}

async function readArea(area: Area, args: Mapping, session: Session): Promise<Outcome<Facts>> {
  const script = typeof area.script === 'string' ? area.script : area.script(args);
  const request = { timeout: probeTimeout, become: false, maxOutput: area.maxBytes };
  const outcome = await session.read(withPrelude(`${script}\n`), request);
  if (!outcome.ok) return outcome;
  const { stdout, truncated } = outcome.value;
  return { ok: true, value: area.parse(stdout, { cut: truncated, args }) };
}

async function withOutputs(
  session: Session,
  wants: readonly FactWant[],
  before: Observed,
  probed: Facts,
): Promise<Outcome<Observed>> {
  const commandOutput = await outputs(session, wants);
  if (!commandOutput.ok) return commandOutput;
  const hostKey = { 'ssh.host_key': session.hostKey() };
  const facts = Object.assign({ ...before.facts }, probed, commandOutput.value, hostKey);
  return { ok: true, value: { facts, asked: new Set([...before.asked, ...wants.map(wantKey)]) } };
}

/**
 * The probe's facts. After its time limit the complete areas still count: affected hosts are slow,
 * and operators need to see them.
 */
async function probe(session: Session, wants: readonly FactWant[]): Promise<Outcome<Facts>> {
  const received: string[] = [];
  let length = 0;
  const onLine = (line: string): void => {
    length += line.length + 1;
    if (length <= longestAnswer) received.push(line);
  };
  const become = session.target.become !== undefined;
  const request = { timeout: probeTimeout, become, maxOutput: longestAnswer, onLine };
  const outcome = await session.read(buildProbe(wants), request);
  if (!outcome.ok) {
    if (outcome.failure.kind !== 'timeout') return outcome;
    const part = parseProbe(received.join('\n'), wants, `the probe ended after ${probeTimeout} s`);
    return part.ok ? part : outcome;
  }
  if (outcome.value.truncated)
    return failed(
      'parse',
      `the answer to the probe is too long: only ${longestAnswer} bytes of it are read`,
    );
  const parsed = parseProbe(outcome.value.stdout, wants);
  if (parsed.ok) return parsed;
  return {
    ok: false,
    failure: {
      ...parsed.failure,
      detail: parsed.failure.detail ?? lastLines(outcome.value.stderr),
    },
  };
}

/** Bytes of stdout and of stderr of such a script: as facts they stay in memory. */
const longestOutput = 1024 * 1024;

/** A script of its own answers it: a read-only command of the play, or what a module reads. */
export const isBesideProbe = ({ area }: FactWant): boolean =>
  area === outputArea || area === readingArea;

/** Runs the scripts that are beside the probe, each in an exec of its own. */
async function outputs(session: Session, wants: readonly FactWant[]): Promise<Outcome<Facts>> {
  const read: Facts[] = [];
  for (const { area, args } of wants) {
    const script = args?.script;
    const timeout = args?.timeout;
    const isBeside = area === outputArea || area === readingArea;
    if (!isBeside || typeof script !== 'string' || typeof timeout !== 'number') continue;
    const outcome = await session.read(withPrelude(script), {
      timeout,
      become: session.target.become !== undefined,
      maxOutput: longestOutput,
    });
    if (!outcome.ok) return outcome;
    const { code, stdout, stderr, truncated } = outcome.value;
    if (truncated)
      return failed(
        'parse',
        `a read-only command printed too much: only ${longestOutput} bytes are read`,
        {
          hint: `let it print less: ${script.slice(0, 100)}`,
        },
      );
    const rc = code ?? -1;
    read.push(
      area === readingArea
        ? fact(`reading.${script}`, { rc, stdout, stderr })
        : fact(`output.${script}`, { rc, ...textResult(stdout, stderr) }),
    );
  }
  return { ok: true, value: allOf(read) };
}

const lines = (text: string): readonly string[] =>
  text === '' ? [] : text.replace(/\n$/, '').split('\n');

/** Output as `register` keeps it: without the last newline, and as lines. */
export const textResult = (stdout: string, stderr: string): Omit<CommandOutput, 'rc'> => ({
  stdout: stdout.trimEnd(),
  stdout_lines: lines(stdout),
  stderr: stderr.trimEnd(),
  stderr_lines: lines(stderr),
});

/** Characters of the last lines: they are shown and journalled with a failure. */
const longestEnd = 2000;

export const lastLines = (text: string, count = 5): string =>
  text.slice(-longestEnd).trimEnd().split('\n').slice(-count).join('\n');
