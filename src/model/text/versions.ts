// Versions: the orders of rpm, dpkg, upstream (with rcN) and Kubernetes, and ranges over any of
// them.
import semver from 'semver';
import { present } from '../present.ts';
import { remembered } from '../remembered.ts';

/** Negative, zero or positive, as `Array.sort` expects it. Never throws. */
export type Compare = (a: string, b: string) => number;

// ---- rpm ----

interface Evr {
  readonly epoch: string;
  readonly version: string;
  readonly release: string | undefined;
}

const splitEvr = remembered((text: string): Evr => {
  const colon = /^(\d*):/.exec(text);
  const rest = colon ? text.slice(colon[0].length) : text;
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon?.[1] || '0',
    version: dash < 0 ? rest : rest.slice(0, dash),
    release: dash < 0 ? undefined : rest.slice(dash + 1),
  };
});

/**
 * The order of rpm over `[epoch:]version[-release]`, with `~` (before) and `^` (after); no release
 * comes before any release.
 */
export function compareRpm(a: string, b: string): number {
  const [left, right] = [splitEvr(a), splitEvr(b)];
  return (
    compareSegments(left.epoch, right.epoch) ||
    compareSegments(left.version, right.version) ||
    compareOptional(left.release, right.release, compareSegments)
  );
}

function compareOptional(a: string | undefined, b: string | undefined, compare: Compare): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  return compare(a, b);
}

const segmentsOf = remembered(
  (text: string): readonly string[] => text.match(/[0-9]+|[A-Za-z]+|[~^]/g) ?? [],
);

/**
 * Compares segment by segment as rpm does: characters other than letters, digits, `~` and `^` only
 * separate.
 */
function compareSegments(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [segmentsOf(a), segmentsOf(b)];
  for (let i = 0; i < left.length || i < right.length; i++) {
    const order = compareSegment(left[i], right[i]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareSegment(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === '~' || b === '~') return a === '~' ? -1 : 1;
  if (a === '^' || b === '^') {
    // A caret comes after the end of the version but before any further segment.
    if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
    return a === '^' ? -1 : 1;
  }
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const [aNumber, bNumber] = [isDigits(a), isDigits(b)];
  if (aNumber !== bNumber) return aNumber ? 1 : -1;
  return aNumber ? compareDigits(a, b) : compareText(a, b);
}

const isDigits = (text: string): boolean => /^[0-9]+$/.test(text);
const compareText: Compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** Compares numbers of any length: `007` is 7, and 20 digits keep their last ones. */
function compareDigits(a: string, b: string): number {
  const [left, right] = [withoutZeros(a), withoutZeros(b)];
  return left.length - right.length || compareText(left, right);
}

const withoutZeros = (digits: string): string =>
  digits.startsWith('0') ? digits.replace(/^0+/, '') : digits;

// ---- dpkg ----

/**
 * The order of dpkg over `[epoch:]upstream[-revision]`: `~` before the end, letters before other
 * characters.
 */
export function compareDeb(a: string, b: string): number {
  const [left, right] = [splitEvr(a), splitEvr(b)];
  return (
    compareDigits(left.epoch, right.epoch) ||
    compareDebPart(left.version, right.version) ||
    compareDebPart(left.release ?? '', right.release ?? '')
  );
}

function compareDebPart(a: string, b: string): number {
  const [left, right] = [debPieces(a), debPieces(b)];
  for (let i = 0; i < left.length || i < right.length; i++) {
    const [l, r] = [left[i] ?? '', right[i] ?? ''];
    const order = i % 2 === 0 ? compareDebText(l, r) : compareDigits(l, r);
    if (order !== 0) return order;
  }
  return 0;
}

/** Text and digits in turns, text first (it may be empty). */
const debPieces = (part: string): readonly string[] => part.split(/([0-9]+)/);

function compareDebText(a: string, b: string): number {
  for (let i = 0; i < a.length || i < b.length; i++) {
    const order = debWeight(a[i]) - debWeight(b[i]);
    if (order !== 0) return order;
  }
  return 0;
}

function debWeight(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}

// ---- upstream ----

/**
 * `18.06.1-ce`, `1.0.0-rc93+dev`, `3.10.0-1062.4.1.el7.x86_64`, `4.4.0-165-generic`,
 * `17.06.2-ee-18`.
 */
interface Upstream {
  /** Digits as written, so that a number of a thousand digits does not become infinite. */
  readonly numbers: readonly string[];
  /** What follows the first dash, if it is numbers: package revisions, kernel builds, `-ee-18`. */
  readonly revision: readonly string[];
  /** `[rank, n]` of alpha, beta or rc; absent = a final release. */
  readonly pre?: readonly [string, string];
  /** Commits after that version (`+dev`): later than it, earlier than the next. */
  readonly dev: boolean;
}

const preRanks: ReadonlyMap<string, string> = new Map(
  Object.entries({ dev: '0', alpha: '1', beta: '2', tp: '2', rc: '3' }),
);

const readUpstream = remembered((text: string): Upstream => {
  const plain = text.trim().replace(/^v(?=[0-9])/, '');
  const numbers = /^[0-9]+(?:\.[0-9]+)*/.exec(plain)?.[0] ?? '';
  const rest = plain.slice(numbers.length);
  const pre = /^[-.~]?(dev|alpha|beta|tp|rc)[-.]?([0-9]*)(?![a-z])/i.exec(rest);
  const edition = /^[-.~](?:ce|ee)(?![a-z0-9])/i.exec(rest)?.[0] ?? '';
  const after = rest.slice(pre ? pre[0].length : edition.length);
  const revision = pre ? '' : (/^[-.~][0-9]+(?:[.-][0-9]+)*(?![a-z0-9])/i.exec(after)?.[0] ?? '');
  const rank = preRanks.get(pre?.[1]?.toLowerCase() ?? '');
  return {
    numbers: numberList(numbers),
    revision: numberList(revision),
    ...present({ pre: rank === undefined ? undefined : ([rank, pre?.[2] ?? ''] as const) }),
    dev: /\+dev/i.test(after),
  };
});

const numberList = (text: string): readonly string[] => text.match(/[0-9]+/g) ?? [];

/**
 * Dotted numbers (missing ones are 0), alpha < beta < rc < final, `rc9` < `rc10`, `rc6` < `rc6+dev`
 * < `rc7`. `-ce` and `-ee` are ignored.
 */
export const compareUpstream: Compare = (a, b) => orderUpstream(readUpstream(a), readUpstream(b));

const orderUpstream = (a: Upstream, b: Upstream): number =>
  compareNumbers(a.numbers, b.numbers) ||
  compareNumbers(a.pre ?? ['9'], b.pre ?? ['9']) ||
  compareNumbers(a.revision, b.revision) ||
  Number(a.dev) - Number(b.dev);

function compareNumbers(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < a.length || i < b.length; i++) {
    const order = compareDigits(a[i] ?? '0', b[i] ?? '0');
    if (order !== 0) return order;
  }
  return 0;
}

// ---- Kubernetes ----

/**
 * Kubernetes versions are semver, except for suffixes of vendors: `v1.21.2-eks-55daa9d` is a build
 * of 1.21.2, not a pre-release. A text that is no version comes before all versions.
 */
export function compareKubernetes(a: string, b: string): number {
  const [left, right] = [readKubernetes(a), readKubernetes(b)];
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  return semver.compare(left, right);
}

const readKubernetes = remembered((text: string): semver.SemVer | null => {
  const parts = /^v?(\d+\.\d+\.\d+)(-(?:alpha|beta|rc)[0-9.]*)?/.exec(text.trim());
  return parts === null ? null : semver.parse(`${parts[1]}${parts[2] ?? ''}`);
});

// ---- Ranges ----

const operators = ['>=', '<=', '>', '<', '==', '!='] as const;

type Operator = (typeof operators)[number];

interface Bound {
  readonly operator: Operator;
  readonly version: string;
}

/** Alternatives (`||`) of bounds that must all hold. */
type Range = readonly (readonly Bound[])[];

const boundPattern = /^(>=|<=|==|!=|>|<|=)?([A-Za-z0-9][^\s<>=!|,]*)$/;

const readRange = remembered((text: string): Range | undefined => {
  const range: Bound[][] = [];
  for (const alternative of text.split('||')) {
    const words = alternative
      .replace(/(?<=[<>=!])\s+/g, '')
      .split(/[\s,]+/)
      .filter((word) => word !== '');
    const bounds: Bound[] = [];
    for (const word of words) {
      const parts = boundPattern.exec(word);
      if (parts?.[2] === undefined) return undefined;
      bounds.push({
        operator: operators.find((operator) => operator === parts[1]) ?? '==',
        version: parts[2],
      });
    }
    if (bounds.length === 0) return undefined;
    range.push(bounds);
  }
  return range;
});

/** Is this text a range: `>=17.06 <19`, `18.09.9`, `<1.21 || >=1.21.2`? */
export const isRange = (text: string): boolean => readRange(text) !== undefined;

/**
 * Is the version in the range? Parts that a bound leaves out (epoch, release) are not compared:
 * `18.09.1` matches `3:18.09.1-3.el7`. An empty version (absent software) is in no range. An
 * invalid range is an error of the caller (see `isRange`) and throws.
 */
export function versionInRange(version: string, range: string, compare: Compare): boolean {
  const alternatives = readRange(range);
  if (alternatives === undefined) throw new Error(`"${range}" is not a version range`);
  if (version === '') return false;
  return alternatives.some((bounds) => bounds.every((bound) => holds(bound, version, compare)));
}

function holds(bound: Bound, version: string, compare: Compare): boolean {
  const order = compare(asPreciseAs(bound.version, version, compare), bound.version);
  switch (bound.operator) {
    case '>=':
      return order >= 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '<':
      return order < 0;
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
  }
}

/** The version without the parts that the bound leaves open. */
function asPreciseAs(bound: string, version: string, compare: Compare): string {
  if (compare === compareUpstream)
    return readUpstream(bound).revision.length === 0 ? withoutRevision(version) : version;
  if (compare !== compareRpm && compare !== compareDeb) return version;
  const withoutEpoch = /^\d+:/.test(bound) ? version : version.replace(/^\d*:/, '');
  const dash = withoutEpoch.lastIndexOf('-');
  return bound.includes('-') || dash < 0 ? withoutEpoch : withoutEpoch.slice(0, dash);
}

const withoutRevision = remembered((version: string): string => {
  const { numbers, pre } = readUpstream(version);
  return pre === undefined && numbers.length > 0 ? numbers.join('.') : version;
});
