// The test `version`, with the orders of Ansible (loose by default, strict, semver), of packages (rpm,
// deb) and of upstream releases.
import { compareDeb, compareRpm, compareUpstream } from '../../model/text/versions.ts';
import { flagArg, textArg } from '../arguments.ts';
import { fail } from '../errors.ts';
import { type Callable, define } from '../python/callable.ts';
import { compareText, truthy } from '../python/order.ts';
import { text } from '../python/printing.ts';
import { type PyValue, typeName } from '../python/py-value.ts';

type Order = (a: string, b: string) => number;

/**
 * Ansible's default: digits are numbers, all other characters are text. A number and a text have no
 * order.
 */
function looseParts(version: string): (number | string)[] {
  const parts = version.split(/(\d+|[a-z]+|\.)/).filter((part) => part !== '' && part !== '.');
  return parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

function compareLoose(a: string, b: string): number {
  const [left, right] = [looseParts(a), looseParts(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i] ?? '', right[i] ?? ''];
    if (typeof x === 'number' && typeof y === 'number') {
      if (x !== y) return x - y;
    } else if (typeof x === 'string' && typeof y === 'string') {
      if (x !== y) return compareText(x, y);
    } else
      return fail(
        `the versions '${a}' and '${b}' cannot be compared: '${x}' is ${typeName(x)} and '${y}' is ${typeName(y)}`,
      );
  }
  return left.length - right.length;
}

const equalLoose = (a: string, b: string): boolean => {
  const [left, right] = [looseParts(a), looseParts(b)];
  return left.length === right.length && left.every((part, index) => part === right[index]);
};

function compareStrict(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => {
    const found =
      /^(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?$/.exec(version) ??
      fail(`invalid version number '${version}'`);
    const [, major, minor, patch = '0', phase, number = '0'] = found;
    // A release is later than its pre-releases.
    return [
      Number(major),
      Number(minor),
      Number(patch),
      phase === undefined ? 3 : phase === 'b' ? 2 : 1,
      Number(number),
    ];
  });
  return firstDifference(left ?? [], right ?? []);
}

const firstDifference = (a: readonly number[], b: readonly number[]): number =>
  a.map((number, index) => number - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;

const semantic =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*))*))?(?:\+[\da-zA-Z-]+(?:\.[\da-zA-Z-]+)*)?$/;

function compareSemantic(a: string, b: string): number {
  const [left, right] = [a, b].map(
    (version) => semantic.exec(version) ?? fail(`invalid semantic version '${version}'`),
  );
  const core = firstDifference(
    (left ?? []).slice(1, 4).map(Number),
    (right ?? []).slice(1, 4).map(Number),
  );
  const [early, late] = [left?.[4], right?.[4]];
  if (core !== 0 || early === late) return core;
  if (early === undefined) return 1;
  return late === undefined ? -1 : comparePre(early.split('.'), late.split('.'));
}

function comparePre(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [x, y] = [a[i] ?? '', b[i] ?? ''];
    if (x === y) continue;
    const [isX, isY] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (isX && isY) return Number(x) - Number(y);
    return isX === isY ? compareText(x, y) : isX ? -1 : 1;
  }
  return a.length - b.length;
}

const orders: Readonly<Record<string, Order>> = {
  loose: compareLoose,
  strict: compareStrict,
  semver: compareSemantic,
  semantic: compareSemantic,
  rpm: compareRpm,
  deb: compareDeb,
  upstream: compareUpstream,
};

const equalSigns = ['==', '=', 'eq', '!=', '<>', 'ne'];
const signs: Readonly<Record<string, (order: number) => boolean>> = {
  '==': (order) => order === 0,
  '=': (order) => order === 0,
  eq: (order) => order === 0,
  '<': (order) => order < 0,
  lt: (order) => order < 0,
  '<=': (order) => order <= 0,
  le: (order) => order <= 0,
  '>': (order) => order > 0,
  gt: (order) => order > 0,
  '>=': (order) => order >= 0,
  ge: (order) => order >= 0,
  '!=': (order) => order !== 0,
  '<>': (order) => order !== 0,
  ne: (order) => order !== 0,
};

const version: Callable = define('version operator? strict? version_type?', (value, { at }) => {
  const given = (value: PyValue | undefined): PyValue | undefined =>
    value === null ? undefined : value;
  const [left, right] = [value, at(0) ?? ''].map((value) => (truthy(value) ? text(value) : ''));
  const [sign, strict, type] = [textArg(at(1), 'the operator', 'eq'), given(at(2)), given(at(3))];
  if (left === undefined || left === '') return fail('the version on the left is empty');
  if (right === undefined || right === '') return fail('the version to compare with is empty');
  if (strict !== undefined && type !== undefined) fail("give 'strict' or 'version_type', not both");
  const name =
    type === undefined ? (flagArg(strict) ? 'strict' : 'loose') : textArg(type, 'version_type');
  const order = Object.hasOwn(orders, name) ? orders[name] : undefined;
  const holds = Object.hasOwn(signs, sign) ? signs[sign] : undefined;
  if (order === undefined)
    return fail(`unknown version_type '${name}'; it is one of ${Object.keys(orders).join(', ')}`);
  if (holds === undefined)
    return fail(`unknown operator '${sign}'; it is one of ${Object.keys(signs).join(' ')}`);
  // Equality needs no order, so it also works for versions without one.
  return name === 'loose' && equalSigns.includes(sign)
    ? holds(equalLoose(left, right) ? 0 : 1)
    : holds(order(left, right));
});

export const versionTests: Readonly<Record<string, Callable>> = {
  version,
  version_compare: version,
};
