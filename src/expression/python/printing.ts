// Writes a value as text like Python: `str()` for output, `repr()` inside containers.
import { fail } from '../errors.ts';
import { reserve } from '../meter.ts';
import { datetimeText, durationText } from './datetime.ts';
import { dictEntries } from './dicts.ts';
import { floatText } from './numbers.ts';
import {
  isDatetime,
  isDict,
  isDuration,
  isFloatBox,
  isMissing,
  isOmit,
  isPyList,
  isRange,
  isTuple,
  kindOf,
  type PyValue,
  typeName,
} from './py-value.ts';

/** Python's `str()`. */
export function text(value: PyValue): string {
  if (typeof value === 'string') return value;
  // An `if` without `else` prints as nothing.
  if (isMissing(value) && value.plain === true) return '';
  const out = repr(value);
  reserve(out.length);
  return out;
}

export function repr(value: PyValue): string {
  const kind = kindOf(value);
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value === null) return 'None';
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number')
    return kind === 'float' ? floatText(value) : BigInt(value).toString();
  if (isFloatBox(value)) return floatText(value.value);
  if (isPyList(value)) return `[${value.map(repr).join(', ')}]`;
  if (isTuple(value))
    return value.items.length === 1
      ? `(${value.items.map(repr).join()},)`
      : `(${value.items.map(repr).join(', ')})`;
  if (isDatetime(value)) return datetimeText(value.micros);
  if (isDuration(value)) return durationText(value.micros);
  if (isRange(value))
    return `range(${value.start}, ${value.stop}${value.step === 1 ? '' : `, ${value.step}`})`;
  if (isDict(value))
    return `{${dictEntries(value)
      .map(([key, value]) => `${repr(key)}: ${repr(value)}`)
      .join(', ')}}`;
  return isOmit(value) ? fail('the value is omitted') : fail(`a ${typeName(value)} has no text`);
}

const named: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
};

/** A string constant in single quotes, or in double quotes if only single ones occur inside. */
function quoted(value: string): string {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  let out = quote;
  for (const char of value) {
    const code = char.codePointAt(0) ?? 0;
    if (char === quote) out += `\\${char}`;
    else if (named[char] !== undefined) out += named[char];
    else if (code < 0x20 || (code >= 0x7f && code < 0xa1) || code === 0xad)
      out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += char;
  }
  return out + quote;
}
