// Evaluates `value.name` and `value[key]`. They reach only methods and a few attributes of Python's
// types, and own properties of data.
import { bind, type Runtime } from '../python/callable.ts';
import { durationDays, durationSeconds } from '../python/datetime.ts';
import { dictGet, isForbidden } from '../python/dicts.ts';
import { methodOf } from '../python/methods.ts';
import { numeric, positive, wholeOf } from '../python/numbers.ts';
import { repr } from '../python/printing.ts';
import {
  float,
  isDatetime,
  isDict,
  isDuration,
  isMissing,
  isNamespace,
  isPyList,
  isRange,
  isTuple,
  kindOf,
  method,
  missing,
  orElse,
  type PyValue,
  typeName,
} from '../python/py-value.ts';
import { itemAt } from '../python/sequences.ts';

/**
 * `value.name`: tries a method, then a key, as Jinja2 does. So `d.items` is the method even where
 * `d` has that key.
 */
export function attribute(value: PyValue, name: string, runtime: Runtime): PyValue {
  if (isMissing(value)) return value;
  kindOf(value);
  if (name.startsWith('_')) return missing(`names that begin with _ are not accessible: '${name}'`);
  return orElse(memberOf(value, name, runtime) ?? keyOf(value, name), () =>
    missing(`object of type '${typeName(value)}' has no attribute '${name}'`),
  );
}

/** `value[key]`: tries a key or index, then a method. */
export function item(value: PyValue, key: PyValue, runtime: Runtime): PyValue {
  if (isMissing(value)) return value;
  kindOf(value);
  kindOf(key);
  const found = keyOf(value, key);
  if (found !== undefined) return found;
  const member =
    typeof key === 'string' && !key.startsWith('_') ? memberOf(value, key, runtime) : undefined;
  return member ?? missing(`object of type '${typeName(value)}' has no attribute ${repr(key)}`);
}

function keyOf(value: PyValue, key: PyValue): PyValue | undefined {
  if (isDict(value)) return isPyList(key) || isDict(key) ? undefined : dictGet(value, key);
  if (isNamespace(value))
    return typeof key === 'string' && !isForbidden(key) ? value.entries.get(key) : undefined;
  const index = numeric(key)?.kind === 'int' ? wholeOf(key) : undefined;
  return index !== undefined &&
    (typeof value === 'string' || isPyList(value) || isTuple(value) || isRange(value))
    ? itemAt(value, index)
    : undefined;
}

function memberOf(value: PyValue, name: string, runtime: Runtime): PyValue | undefined {
  const found = methodOf(value, name);
  if (found !== undefined) {
    return method(name, (args) =>
      found.run(value, bind(`${name}()`, found.parameters, args, runtime)),
    );
  }
  return plainAttribute(value, name);
}

function plainAttribute(value: PyValue, name: string): PyValue | undefined {
  const n = isDict(value) ? undefined : numeric(value);
  if (n !== undefined) {
    if (name === 'real' || (n.kind === 'int' && name === 'numerator')) return positive(value);
    if (name === 'imag') return n.kind === 'int' ? 0 : float(0);
    return n.kind === 'int' && name === 'denominator' ? 1 : undefined;
  }
  if (isRange(value))
    return name === 'start' || name === 'stop' || name === 'step' ? value[name] : undefined;
  if (isDuration(value)) {
    if (name === 'days') return durationDays(value.micros);
    if (name === 'seconds') return durationSeconds(value.micros);
    return name === 'microseconds'
      ? ((value.micros % 1_000_000) + 1_000_000) % 1_000_000
      : undefined;
  }
  return isDatetime(value) ? datetimePart(value.micros, name) : undefined;
}

function datetimePart(micros: number, name: string): PyValue | undefined {
  const date = new Date(Math.floor(micros / 1000));
  const parts: Readonly<Record<string, number>> = {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
  return Object.hasOwn(parts, name) ? parts[name] : undefined;
}

/** The value at a dotted path (`user.name`, `0`) of `map(attribute=...)`. */
export function atPath(value: PyValue, path: PyValue, runtime: Runtime): PyValue {
  if (typeof path !== 'string') return item(value, path, runtime);
  return path
    .split('.')
    .reduce((of, part) => item(of, /^\d+$/.test(part) ? Number(part) : part, runtime), value);
}
