// Reads an argument of a filter, test or method as the wanted type, or fails with a clear error.
import { fail } from './errors.ts';
import { toNumber, wholeOf } from './python/numbers.ts';
import { truthy } from './python/order.ts';
import { text } from './python/printing.ts';
import { type PyValue, touch, typeName } from './python/py-value.ts';

type Given = PyValue | undefined;

/** The argument as text; another type is an error. */
export const textArg = (given: Given, name: string, otherwise?: string): string => {
  if (given === undefined && otherwise !== undefined) return otherwise;
  return typeof given === 'string'
    ? given
    : fail(`${name} must be a text, not ${given === undefined ? 'nothing' : typeName(given)}`);
};

/** Any argument, printed as text. */
export const printedArg = (given: Given, otherwise = ''): string =>
  given === undefined ? otherwise : text(given);

export const wholeArg = (given: Given, name: string, otherwise?: number): number => {
  if (given === undefined && otherwise !== undefined) return otherwise;
  const whole = given === undefined ? undefined : wholeOf(touch(given));
  return (
    whole ??
    fail(`${name} must be a whole number, not ${given === undefined ? 'nothing' : typeName(given)}`)
  );
};

export const numberArg = (given: Given, name: string, otherwise?: number): number => {
  if (given === undefined && otherwise !== undefined) return otherwise;
  const value = given === undefined ? undefined : toNumber(touch(given));
  return (
    value ??
    fail(`${name} must be a number, not ${given === undefined ? 'nothing' : typeName(given)}`)
  );
};

export const flagArg = (given: Given, otherwise = false): boolean =>
  given === undefined ? otherwise : truthy(given);
