// The probe: one read-only script made of the areas' scripts, and the parser of its output.
import { type Facts, type FactWant, wantKey } from '../../model/fact.ts';
import { attempt, failed, type Outcome, ok } from '../../model/run/failure.ts';
import { scriptText } from '../../model/text/script-text.ts';
import { type Mapping, unknown } from '../../model/value.ts';
import type { Area } from '../area.ts';
import {
  type KeptFacts,
  keptFacts,
  longestAnswer,
  longestFacts,
  longestLine,
  tooLong,
} from '../limits.ts';
import { withPrelude } from './prelude.ts';
import probeFile from './probe.sh';
import { processNames } from './processes.ts';
import { areas, baseAreas } from './registry.ts';

/** One part of a probe: an area with arguments. */
interface Part {
  readonly key: string;
  readonly area: Area;
  readonly args: Mapping;
  /** What sections of earlier hosts said, by their text. */
  readonly sections: Map<string, Outcome<KeptFacts>>;
}

const partOf = (key: string, area: Area, args: Mapping = {}): Part => ({
  key,
  area,
  args,
  sections: new Map(),
});

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
  for (const area of baseAreas) parts.set(area.name, partOf(area.name, area));
  for (const want of [...wants].sort((a, b) => (wantKey(a) < wantKey(b) ? -1 : 1))) {
    const area = areas.get(want.area);
    const key = wantKey(want);
    const before = areas.get(area?.needs ?? '');
    if (before !== undefined) parts.set(before.name, partOf(before.name, before));
    if (area !== undefined && !baseAreas.includes(area))
      parts.set(key, partOf(key, area, want.args));
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
  const frames = (has: (area: Area) => boolean): string =>
    parts
      .map(({ area }, index) => (has(area) ? `frame ${index}${area.opens ? ' opens' : ''}\n` : ''))
      .join('');
  return withPrelude(
    scriptText(outdented(probeFile), {
      frameVersion,
      processNames,
      parts: parts.length,
      shared: shared.join(''),
      areas: functions.join(''),
      first: outdented(parts.map(({ area }) => area.sets ?? '').join('')).trimEnd(),
      quick: (
        frames(({ quick }) => quick === true) + frames(({ quick }) => quick === 'last')
      ).trimEnd(),
      rest: frames(({ quick }) => quick === undefined).trimEnd(),
    }),
  );
}

const frameVersion = 3;

/** Lines of arguments must stay as they are. */
function scriptOf({ area, args }: Part): string {
  const text = typeof area.script === 'string' ? area.script : area.script(args);
  return /\\n *[ #]/.test(JSON.stringify(args)) ? text : outdented(text);
}

/** Removes indentation, which is a fifth of the script's size, and comments. */
function outdented(script: string): string {
  return script.replaceAll(/^ +/gm, '').replaceAll(/^#.*\n/gm, '');
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
  const answer = answerIn(text.includes('\r\n') ? text.replaceAll('\r\n', '\n') : text);
  if (answer === undefined) return noFrame(text);
  const { head, framed } = answer;
  if (!answer.whole && ended === undefined) return truncated(linesIn(framed) + 1);
  const { parts } = probeOf(wants);
  if (head !== `@@kmend begin ${frameVersion} ${parts.length}`)
    return failed(
      'parse',
      'the probe output is of another version of kmend, or of other questions than were asked',
      {
        hint: 'print the script anew with `kmend probe` and run that',
        ...detail(head),
      },
    );
  const marks = marksIn(framed);
  const facts: Facts = {};
  let length = 0;
  for (const [index, part] of parts.entries()) {
    const section = withLines(sectionOf(framed, marks, index), part.area, (name) =>
      sectionOf(
        framed,
        marks,
        parts.findIndex((one) => one.area.name === name),
      ),
    );
    const isUsed = section !== undefined && (section.whole || part.area.inParts === true);
    if (!isUsed && ended === undefined) return truncated(linesIn(framed));
    const read = isUsed ? readPart(part, section) : unreadPart(part, ended ?? '');
    if (!read.ok) return read;
    Object.assign(facts, read.value.facts);
    length += read.value.length;
  }
  return length > longestFacts ? tooLong('what was read', length, longestFacts) : ok(facts);
}

/** The last frame in a text: its first line, and what is between this and the mark of its end. */
interface ProbeAnswer {
  readonly head: string;
  readonly framed: string;
  /** It has a mark of its end. */
  readonly whole: boolean;
}

function answerIn(text: string): ProbeAnswer | undefined {
  const begin = `\n${text}`.lastIndexOf('\n@@kmend begin ');
  if (begin < 0) return undefined;
  const head = lineAt(text, begin);
  const from = begin + head.length + 1;
  for (let end = text.indexOf(endMark, begin); end >= 0; end = text.indexOf(endMark, end + 1))
    if (lineAt(text, end + 1).length === endMark.length - 1)
      return { head, framed: text.slice(from, end), whole: true };
  return { head, framed: text.slice(from), whole: false };
}

const endMark = '\n@@kmend end';

/** The rest of the line from this place on. */
function lineAt(text: string, from: number): string {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.slice(from) : text.slice(from, end);
}

function linesIn(text: string): number {
  let lines = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}

/** All facts of the part as unknown. Its parser knows their names. */
function unreadPart(part: Part, why: string): Outcome<KeptFacts> {
  const read = readPart(part, { text: '', cut: true });
  if (!read.ok) return read;
  const names = Object.keys(read.value.facts);
  return keptFacts(Object.fromEntries(names.map((name) => [name, unknown(why)])));
}

interface Section {
  readonly text: string;
  readonly cut: boolean;
  /** The mark of its end was found. */
  readonly whole: boolean;
}

/** Where the line of a mark begins, and the line. */
interface Mark {
  readonly at: number;
  readonly line: string;
}

/**
 * The first of each mark of a frame. The end of an area counts only after its beginning.
 */
function marksIn(framed: string): ReadonlyMap<string, Mark> {
  const marks = new Map<string, Mark>();
  const text = `\n${framed}`;
  for (let at = text.indexOf(anyMark); at >= 0; at = text.indexOf(anyMark, at + 1)) {
    const line = lineAt(framed, at);
    const [, kind = '', index = ''] = /^@@kmend (area|done) (\d{1,9})(?: cut)?$/.exec(line) ?? [];
    if (
      kind === '' ||
      marks.has(`${kind} ${index}`) ||
      (kind === 'done' && !marks.has(`area ${index}`))
    )
      continue;
    marks.set(`${kind} ${index}`, { at, line });
  }
  return marks;
}

const anyMark = '\n@@kmend ';

function sectionOf(
  framed: string,
  marks: ReadonlyMap<string, Mark>,
  index: number,
): Section | undefined {
  const from = marks.get(`area ${index}`);
  if (from === undefined) return undefined;
  const to = marks.get(`done ${index}`);
  return {
    text: framed.slice(from.at + from.line.length + 1, to === undefined ? undefined : to.at - 1),
    cut: to?.line !== `@@kmend done ${index}`,
    whole: to !== undefined,
  };
}

/** With the lines that another area prints for this one; cut where they are. */
function withLines(
  section: Section | undefined,
  { printedBy }: Area,
  sectionBy: (name: string) => Section | undefined,
): Section | undefined {
  if (section === undefined || printedBy === undefined) return section;
  const other = sectionBy(printedBy.area);
  return {
    text: [section.text, ...(other?.text.match(printedBy.lines) ?? [])].join('\n'),
    cut: section.cut || other?.cut !== false,
    whole: section.whole,
  };
}

/** Sections that are remembered of a part, and the longest of them in characters. */
const rememberedSections = { most: 100, length: 16_384 };

/**
 * The facts of a part. Hosts of a fleet print much that is the same: such a section is parsed once.
 */
function readPart(part: Part, { text, cut }: Omit<Section, 'whole'>): Outcome<KeptFacts> {
  const known = cut ? undefined : part.sections.get(text);
  if (known !== undefined) return known;
  const read = parsePart(part, text, cut);
  if (cut || !read.ok || part.area.differs === true || text.length > rememberedSections.length)
    return read;
  if (part.sections.size >= rememberedSections.most) part.sections.clear();
  // As a slice the key would keep the whole answer in memory.
  part.sections.set(JSON.parse(JSON.stringify(text)), read);
  return read;
}

/**
 * The output of a host is not trusted. Longer output than a script can print is refused, and an
 * error of a parser is a failure of that host.
 */
function parsePart({ key, area, args }: Part, text: string, cut: boolean): Outcome<KeptFacts> {
  if (text.length > area.maxBytes) return tooLong(`the area ${key}`, text.length, area.maxBytes);
  const line = longestLineIn(text);
  if (line > longestLine) return tooLong(`a line of the area ${key}`, line, longestLine);
  return attempt(`what the area ${key} printed`, () => keptFacts(area.parse(text, { cut, args })));
}

function longestLineIn(text: string): number {
  let [longest, from] = [0, 0];
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
    longest = Math.max(longest, end - from);
    from = end + 1;
  }
  return Math.max(longest, text.length - from);
}

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
