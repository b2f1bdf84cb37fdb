// Plain YAML scalars as Ansible reads them: YAML 1.1 with its `yes`, octal numbers and base-60
// numbers.

export type Scalar = null | boolean | number | string;

const words = new Map<string, Scalar>([
  ...['', '~', 'null', 'Null', 'NULL'].map((word): [string, Scalar] => [word, null]),
  ...['yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map(
    (word): [string, Scalar] => [word, true],
  ),
  ...['no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map(
    (word): [string, Scalar] => [word, false],
  ),
]);

const numberForm = /^[-+]?[0-9.]/;
const decimal = /^[-+]?(?:0|[1-9][0-9_]*)$/;
const based = /^[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+)$/;
const sixties = /^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/;
// An exponent needs a sign and a point before it: `1e5` and `1.5e3` are texts.
const float = /^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?$/;
const floatSixties = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/;

/** The value of a plain scalar. Dates stay text, and so do .inf and .nan, which JSON cannot hold. */
export function resolvePlain(text: string): Scalar {
  const word = words.get(text);
  if (word !== undefined) return word;
  if (!numberForm.test(text)) return text;
  if (decimal.test(text)) return Number(text.replaceAll('_', '')) + 0;
  if (based.test(text)) return basedNumber(text.replaceAll('_', ''), text);
  if (float.test(text)) return finite(text.replaceAll('_', ''), text);
  if (sixties.test(text) || floatSixties.test(text)) return baseSixty(text.replaceAll('_', ''));
  return text;
}

function basedNumber(digits: string, text: string): Scalar {
  const unsigned = digits.replace(/^[-+]/, '');
  const octal = /^0[0-7]/.test(unsigned) ? `0o${unsigned.slice(1)}` : unsigned;
  const value = Number(octal);
  if (!Number.isFinite(value)) return text;
  return digits.startsWith('-') ? -value : value;
}

function finite(digits: string, text: string): Scalar {
  const value = Number(digits);
  return Number.isFinite(value) ? value : text;
}

function baseSixty(digits: string): number {
  const value = digits
    .replace(/^[-+]/, '')
    .split(':')
    .reduce((sum, part) => sum * 60 + Number(part), 0);
  return digits.startsWith('-') ? -value : value;
}
