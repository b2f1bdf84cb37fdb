// How Python writes a value as text: `str()` for output, `repr()` inside containers.

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
  isListCell,
  isMissing,
  isOmit,
  isRange,
  isTuple,
  kindOf,
  type PyValue,
  typeName,
} from './py-value.ts';

/** Python's `str()`. */
export function text(cell: PyValue): string {
  if (typeof cell === 'string') return cell;
  // An `if` without `else` prints nothing.
  if (isMissing(cell) && cell.plain === true) return '';
  const out = repr(cell);
  reserve(out.length);
  return out;
}

export function repr(cell: PyValue): string {
  const kind = kindOf(cell);
  if (typeof cell === 'string') return quoted(cell);
  if (typeof cell === 'boolean') return cell ? 'True' : 'False';
  if (cell === null) return 'None';
  if (typeof cell === 'bigint') return cell.toString();
  if (typeof cell === 'number') return kind === 'float' ? floatText(cell) : BigInt(cell).toString();
  if (isFloatBox(cell)) return floatText(cell.value);
  if (isListCell(cell)) return `[${cell.map(repr).join(', ')}]`;
  if (isTuple(cell))
    return cell.items.length === 1
      ? `(${cell.items.map(repr).join()},)`
      : `(${cell.items.map(repr).join(', ')})`;
  if (isDatetime(cell)) return datetimeText(cell.micros);
  if (isDuration(cell)) return durationText(cell.micros);
  if (isRange(cell))
    return `range(${cell.start}, ${cell.stop}${cell.step === 1 ? '' : `, ${cell.step}`})`;
  if (isDict(cell))
    return `{${dictEntries(cell)
      .map(([key, value]) => `${repr(key)}: ${repr(value)}`)
      .join(', ')}}`;
  return isOmit(cell) ? fail('the value is omitted') : fail(`a ${typeName(cell)} has no text`);
}

const named: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
};

/** A string constant: single quotes unless only those occur inside. */
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
