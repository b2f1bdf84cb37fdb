// The probe: one read-only script made of the areas' scripts, and the parser of its output.
import { type Facts, type FactWant, wantKey } from '../../model/fact.ts';
import { attempt, failed, type Outcome, ok } from '../../model/run/failure.ts';
import { scriptText } from '../../model/text/script-text.ts';
import { type Mapping, unknown } from '../../model/value.ts';
import type { Area } from '../area.ts';
import { keptFacts, longestAnswer, longestLine, tooLong } from '../limits.ts';
import { withPrelude } from './prelude.ts';
import probeFile from './probe.sh';
import { processNames } from './processes.ts';
import { areas, baseAreas } from './registry.ts';

/** One part of a probe: an area with arguments. */
interface Part {
  readonly key: string;
  readonly area: Area;
  readonly args: Mapping;
}

/** A probe: its parts, and its script once somebody asks for it. */
interface Probe {
  readonly parts: readonly Part[];
  script?: string;
}

/** The probes of a fleet differ little: they are made once for each set of wants. */
const probes = new Map<string, Probe>();
const mostProbes = 50;

function probeOf(wants: readonly FactWant[]): Probe {
  const keys = wants.map(wantKey);
  const key = keys.length < 2 ? (keys[0] ?? '') : JSON.stringify(keys);
  const known = probes.get(key);
  if (known !== undefined) return known;
  const made: Probe = { parts: partsOf(wants) };
  if (probes.size >= mostProbes) probes.clear();
  probes.set(key, made);
  return made;
}

/**
 * The areas that are always read, then the wanted areas, each once and in a fixed order. Wants that
 * the cluster answers are skipped.
 */
function partsOf(wants: readonly FactWant[]): readonly Part[] {
  const parts = new Map<string, Part>();
  for (const area of baseAreas) parts.set(area.name, { key: area.name, area, args: {} });
  for (const want of [...wants].sort((a, b) => (wantKey(a) < wantKey(b) ? -1 : 1))) {
    const area = areas.get(want.area);
    const key = wantKey(want);
    const before = areas.get(area?.needs ?? '');
    if (before !== undefined) parts.set(before.name, { key: before.name, area: before, args: {} });
    if (area !== undefined && !baseAreas.includes(area))
      parts.set(key, { key, area, args: want.args ?? {} });
  }
  return [...parts.values()];
}

/** The probe script for these wants, independent of their order. `kmend probe` prints it. */
export function buildProbe(wants: readonly FactWant[] = []): string {
  const probe = probeOf(wants);
  probe.script ??= scriptFor(probe.parts);
  return probe.script;
}

function scriptFor(parts: readonly Part[]): string {
  const shared = [...new Set(parts.map(({ area }) => outdented(area.functions ?? '')))];
  const functions = parts.map(
    (part, index) => `area_${index}() {\n${scriptOf(part).trimEnd()}\n}\n`,
  );
  const calls = parts.map((_, index) => `frame ${index}\n`);
  return withPrelude(
    scriptText(outdented(probeFile), {
      frameVersion,
      processNames,
      parts: parts.length,
      shared: shared.join(''),
      areas: functions.join(''),
      calls: calls.join(''),
    }),
  );
}

const frameVersion = 2;

/** The indentation inside arguments must stay. */
function scriptOf({ area, args }: Part): string {
  const text = typeof area.script === 'string' ? area.script : area.script(args);
  return JSON.stringify(args).includes('\\n ') ? text : outdented(text);
}

/** Removes indentation, which is a fifth of the script's size. */
function outdented(script: string): string {
  return script.replaceAll(/^ +/gm, '');
}

/**
 * Parses the output of \`buildProbe(wants)\` into base facts; \`derive\` adds the others. Text
 * outside of the frame is ignored.
 * `ended` is the reason why the probe was interrupted. Then facts of incomplete areas are unknown
 * for this reason; without it an incomplete output is an error.
 */
export function parseProbe(
  text: string,
  wants: readonly FactWant[] = [],
  ended?: string,
): Outcome<Facts> {
  if (text.length > longestAnswer) return tooLong('all of it', text.length, longestAnswer);
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const begin = lines.findLastIndex((line) => line.startsWith('@@kmend begin '));
  if (begin < 0) return noFrame(text);
  const mark = lines.indexOf('@@kmend end', begin);
  if (mark < 0 && ended === undefined) return truncated(lines.length - begin);
  const { parts } = probeOf(wants);
  if (lines[begin] !== `@@kmend begin ${frameVersion} ${parts.length}`)
    return failed(
      'parse',
      'the probe output is of another version of kmend, or of other questions than were asked',
      {
        hint: 'print the script anew with `kmend probe` and run that',
        ...detail(lines[begin] ?? ''),
      },
    );
  const framed = lines.slice(begin + 1, mark < 0 ? lines.length : mark);
  const marks = marksIn(framed);
  const facts: Facts = {};
  for (const [index, part] of parts.entries()) {
    const section = sectionOf(framed, marks, index);
    const isUsed = section !== undefined && (section.whole || part.area.inParts === true);
    if (!isUsed && ended === undefined) return truncated(framed.length);
    const read = isUsed ? readPart(part, section) : unreadPart(part, ended ?? '');
    if (!read.ok) return read;
    Object.assign(facts, read.value);
  }
  return attempt('what it says', () => keptFacts(facts));
}

/** All facts of the part as unknown. Its parser knows their names. */
function unreadPart(part: Part, why: string): Outcome<Facts> {
  const read = readPart(part, { text: '', cut: true });
  return read.ok
    ? ok(Object.fromEntries(Object.keys(read.value).map((name) => [name, unknown(why)])))
    : read;
}

interface Section {
  readonly text: string;
  readonly cut: boolean;
  /** The mark of its end was found. */
  readonly whole: boolean;
}

/**
 * The first position of each mark of a frame. The end of an area counts only after its beginning.
 */
function marksIn(lines: readonly string[]): ReadonlyMap<string, number> {
  const marks = new Map<string, number>();
  for (const [at, line] of lines.entries()) {
    if (!line.startsWith('@@kmend ')) continue;
    const [, kind = '', index = ''] = /^@@kmend (area|done) (\d{1,9})(?: cut)?$/.exec(line) ?? [];
    if (
      kind === '' ||
      marks.has(`${kind} ${index}`) ||
      (kind === 'done' && !marks.has(`area ${index}`))
    )
      continue;
    marks.set(`${kind} ${index}`, at);
  }
  return marks;
}

function sectionOf(
  lines: readonly string[],
  marks: ReadonlyMap<string, number>,
  index: number,
): Section | undefined {
  const from = marks.get(`area ${index}`);
  if (from === undefined) return undefined;
  const to = marks.get(`done ${index}`);
  return {
    text: lines.slice(from + 1, to).join('\n'),
    cut: lines[to ?? 0] !== `@@kmend done ${index}`,
    whole: to !== undefined,
  };
}

/**
 * The output of a host is not trusted. Longer output than a script can print is refused, and an
 * error of a parser is a failure of that host.
 */
function readPart(
  { key, area, args }: Part,
  { text, cut }: Omit<Section, 'whole'>,
): Outcome<Facts> {
  if (text.length > area.maxBytes) return tooLong(`the area ${key}`, text.length, area.maxBytes);
  const line = longestOf(text.split('\n'));
  if (line > longestLine) return tooLong(`a line of the area ${key}`, line, longestLine);
  return attempt(`what the area ${key} printed`, () => ok(area.parse(text, { cut, args })));
}

const longestOf = (lines: readonly string[]): number =>
  lines.reduce((longest, line) => Math.max(longest, line.length), 0);

const truncated = (lines: number): Outcome<never> =>
  failed('parse', `the probe output is truncated: its end is missing after ${lines} lines`, {
    hint: 'the connection may have been lost, or the shell killed; run it again',
  });

const detail = (text: string): { readonly detail?: string } =>
  text.trim() === '' ? {} : { detail: text.trim().slice(0, 400) };

/**
 * The output has no frame. This reports the usual reasons by their error messages, so that the
 * operator need not guess.
 */
function noFrame(text: string): Outcome<never> {
  const reason = noFrameReasons.find(({ pattern }) => pattern.test(text));
  return failed(
    'parse',
    reason?.message ?? 'the host did not run the probe: none of its output came back',
    {
      ...(reason === undefined ? {} : { hint: reason.hint }),
      ...detail(text),
    },
  );
}

const noFrameReasons: readonly {
  readonly pattern: RegExp;
  readonly message: string;
  readonly hint: string;
}[] = [
  {
    pattern:
      /(^|[/: ])sh: (?:command )?not found|\/bin\/sh: No such file|sh: No such file|exec: "?sh"?/m,
    message: 'the host has no POSIX sh',
    hint: 'kmend needs sshd and a POSIX sh on the host, nothing else',
  },
  {
    pattern: /account is currently not available|\/nologin|\/bin\/false/i,
    message: 'the login user may not log in to a shell',
    hint: 'give another user (ansible_user) whose login shell is a real one',
  },
  {
    pattern: /must change your password|password has expired|password (?:change )?required/i,
    message: 'the login user must change its password first',
    hint: 'log in once by hand, or use a key of a user without password ageing',
  },
  {
    pattern:
      /syntax error|unexpected (?:token|end of file)|command not found|Unknown command|Missing name for redirect/i,
    message: 'the login shell did not understand the probe',
    hint: 'the login shell must be able to run `sh -c`; restricted and appliance shells cannot',
  },
];
