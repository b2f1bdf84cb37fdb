// Runs a regular expression: backtracking with a meter, so that no pattern can hang the controller.

import { fail } from '../errors.ts';
import { spend } from '../meter.ts';
import { folded, isWord } from './classes.ts';
import type { Parsed, Pattern, Place, Program } from './tree.ts';

/** A step of backtracking costs more than a character looked at: some 6 million steps end an evaluation, a fraction of a second. */
const cost = 3;

interface State {
  readonly codes: ArrayLike<number>;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** What follows a part of the pattern; gives the end of the whole match, or -1. */
type Rest = (at: number) => number;
type Step = (state: State, at: number, rest: Rest) => number;

/** Makes the function that tries to match exactly at a position. */
export function program({ pattern, groups }: Parsed): Program {
  const step = compile(pattern);
  return (codes, from, advance) => {
    const state: State = { codes, starts: new Int32Array(groups + 1).fill(-1), ends: new Int32Array(groups + 1).fill(-1) };
    const end = step(state, from, (at) => (advance && at === from ? -1 : at));
    if (end < 0) return undefined;
    state.starts[0] = from;
    state.ends[0] = end;
    return Array.from(state.starts, (start, index) => [start, state.ends[index] ?? -1] as const);
  };
}

function compile(pattern: Pattern): Step {
  switch (pattern.kind) {
    case 'one': {
      const { test } = pattern;
      return ({ codes }, at, rest) => {
        spend(cost);
        return at < codes.length && test(codes[at] ?? 0) ? rest(at + 1) : -1;
      };
    }
    case 'sequence':
      return chain(pattern.items.map(compile));
    case 'either':
      return either(pattern.branches.map(compile));
    case 'repeat':
      return compileRepeat(pattern);
    case 'group':
      return capture(pattern.index, compile(pattern.of));
    case 'back':
      return back(pattern.index, pattern.fold);
    case 'look':
      return look(pattern);
    case 'atomic':
      return atomic(compile(pattern.of));
    case 'when': {
      const [yes, no] = [compile(pattern.yes), compile(pattern.no)];
      return (state, at, rest) => ((state.ends[pattern.index] ?? -1) >= 0 ? yes : no)(state, at, rest);
    }
    case 'place': {
      const holds = places[pattern.at];
      return ({ codes }, at, rest) => (holds(codes, at) ? rest(at) : -1);
    }
  }
}

function chain(steps: readonly Step[]): Step {
  const [first, ...others] = steps;
  if (first === undefined) return (_, at, rest) => rest(at);
  if (others.length === 0) return first;
  const after = chain(others);
  return (state, at, rest) => first(state, at, (next) => after(state, next, rest));
}

function either(steps: readonly Step[]): Step {
  return (state, at, rest) => {
    spend(cost);
    for (const step of steps) {
      const end = step(state, at, rest);
      if (end >= 0) return end;
    }
    return -1;
  };
}

function capture(index: number, of: Step): Step {
  return (state, at, rest) => {
    const [start, end] = [state.starts[index] ?? -1, state.ends[index] ?? -1];
    const result = of(state, at, (next) => {
      const [innerStart, innerEnd] = [state.starts[index] ?? -1, state.ends[index] ?? -1];
      state.starts[index] = at;
      state.ends[index] = next;
      const whole = rest(next);
      if (whole < 0) [state.starts[index], state.ends[index]] = [innerStart, innerEnd];
      return whole;
    });
    if (result < 0) [state.starts[index], state.ends[index]] = [start, end];
    return result;
  };
}

function back(index: number, fold: boolean): Step {
  return ({ codes, starts, ends }, at, rest) => {
    const [start, end] = [starts[index] ?? -1, ends[index] ?? -1];
    if (end < 0 || at + end - start > codes.length) return -1;
    spend(end - start + 1);
    for (let i = 0; i < end - start; i++) {
      const [a, b] = [codes[start + i] ?? 0, codes[at + i] ?? 0];
      if (a !== b && !(fold && folded(a) === folded(b))) return -1;
    }
    return rest(at + end - start);
  };
}

function look({ behind, negative, of }: Extract<Pattern, { readonly kind: 'look' }>): Step {
  const width = behind ? widthOf(of) : 0;
  const step = compile(of);
  return (state, at, rest) => {
    spend(cost);
    const saved = negative ? [state.starts.slice(), state.ends.slice()] : [];
    const from = at - width;
    const found = from >= 0 && step(state, from, (end) => (behind && end !== at ? -1 : end)) >= 0;
    if (saved[0] !== undefined && saved[1] !== undefined) {
      state.starts.set(saved[0]);
      state.ends.set(saved[1]);
    }
    return found === negative ? -1 : rest(at);
  };
}

const atomic =
  (of: Step): Step =>
  (state, at, rest) => {
    const end = of(state, at, (next) => next);
    return end < 0 ? -1 : rest(end);
  };

function compileRepeat(pattern: Extract<Pattern, { readonly kind: 'repeat' }>): Step {
  const { of, min, max, mode } = pattern;
  if (of.kind === 'one') return repeatOne(of.test, min, max, mode);
  const step = compile(of);
  const loop = mode === 'lazy' ? lazily(step, min, max) : greedily(step, min, max);
  return mode === 'possessive' ? atomic(loop) : loop;
}

/** The usual case, a repeated class, without a call for each character. */
function repeatOne(test: (code: number) => boolean, min: number, max: number, mode: 'greedy' | 'lazy' | 'possessive'): Step {
  return ({ codes }, at, rest) => {
    const most = Math.min(max, codes.length - at);
    if (most < min) return -1;
    let count = 0;
    const wanted = mode === 'lazy' ? min : most;
    while (count < wanted && test(codes[at + count] ?? 0)) count += 1;
    spend(count + 1);
    if (count < min) return -1;
    if (mode === 'possessive') return rest(at + count);
    if (mode === 'greedy') {
      for (; count >= min; count--) {
        spend(cost);
        const end = rest(at + count);
        if (end >= 0) return end;
      }
      return -1;
    }
    for (;;) {
      spend(cost);
      const end = rest(at + count);
      if (end >= 0) return end;
      if (count >= most || !test(codes[at + count] ?? 0)) return -1;
      count += 1;
    }
  };
}

function greedily(step: Step, min: number, max: number): Step {
  const again = (state: State, at: number, count: number, rest: Rest): number => {
    spend(cost);
    if (count < max) {
      // An iteration that takes nothing would go on for ever: it ends the loop.
      const end = step(state, at, (next) => (next === at && count >= min ? -1 : again(state, next, count + 1, rest)));
      if (end >= 0) return end;
    }
    return count >= min ? rest(at) : -1;
  };
  return (state, at, rest) => again(state, at, 0, rest);
}

function lazily(step: Step, min: number, max: number): Step {
  const again = (state: State, at: number, count: number, rest: Rest): number => {
    spend(cost);
    const end = count >= min ? rest(at) : -1;
    if (end >= 0 || count >= max) return end;
    return step(state, at, (next) => (next === at && count >= min ? -1 : again(state, next, count + 1, rest)));
  };
  return (state, at, rest) => again(state, at, 0, rest);
}

const wordAt = (codes: ArrayLike<number>, at: number): boolean => at >= 0 && at < codes.length && isWord(codes[at] ?? 0);

const places: Readonly<Record<Place, (codes: ArrayLike<number>, at: number) => boolean>> = {
  start: (_, at) => at === 0,
  end: (codes, at) => at === codes.length,
  lineStart: (codes, at) => at === 0 || codes[at - 1] === 10,
  lineEnd: (codes, at) => at === codes.length || codes[at] === 10,
  lastLine: (codes, at) => at === codes.length || (at === codes.length - 1 && codes[at] === 10),
  word: (codes, at) => wordAt(codes, at - 1) !== wordAt(codes, at),
  notWord: (codes, at) => codes.length > 0 && wordAt(codes, at - 1) === wordAt(codes, at),
};

/** Number of characters that a look-behind covers; it must be fixed, as in Python. */
function widthOf(pattern: Pattern): number {
  switch (pattern.kind) {
    case 'one':
      return 1;
    case 'sequence':
      return pattern.items.reduce((sum, item) => sum + widthOf(item), 0);
    case 'group':
    case 'atomic':
      return widthOf(pattern.of);
    case 'look':
    case 'place':
      return 0;
    case 'repeat':
      if (pattern.min === pattern.max) return pattern.min * widthOf(pattern.of);
      break;
    case 'either': {
      const widths = new Set(pattern.branches.map(widthOf));
      const [only] = widths;
      if (widths.size === 1 && only !== undefined) return only;
    }
  }
  return fail('bad regular expression: look-behind requires fixed-width pattern');
}
