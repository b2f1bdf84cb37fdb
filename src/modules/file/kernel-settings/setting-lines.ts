// The edit of a file of sysctl settings, as Ansible makes it: a file that is changed has each key
// once, at its first place and with its last value, and no blanks around `=`.

const isSetting = (line: string): boolean => /^[^#;]/.test(line) && line.includes('=');

const keyOf = (line: string): string => line.slice(0, line.indexOf('=')).trim();

/** The text with this value of the setting, or without it; the same text where it is right. */
export function withSetting(text: string, name: string, value: string | undefined): string {
  const lines = text.split(/\r\n|[\r\n]/).map((line) => line.trim());
  if (lines.at(-1) === '') lines.pop();
  const values = new Map<string, string>();
  for (const line of lines.filter(isSetting))
    values.set(keyOf(line), line.slice(line.indexOf('=') + 1).trim());
  const now = values.get(name);
  if (now === value) return text;
  if (value === undefined) values.delete(name);
  else values.set(name, value);
  const made = lines.flatMap((line) => {
    if (!isSetting(line)) return [line];
    const key = keyOf(line);
    const last = values.get(key);
    values.delete(key);
    return last === undefined ? [] : [`${key}=${last}`];
  });
  const added = values.get(name);
  const all = added === undefined ? made : [...made, `${name}=${added}`];
  return all.map((line) => `${line}\n`).join('');
}

/** A value as sysctl takes it: Ansible's words for true and false are 1 and 0. */
export function settingValue(value: string | number | boolean): string {
  const text = String(value).trim();
  if (/^(?:y|yes|on|t|true)$/i.test(text)) return '1';
  return /^(?:n|no|off|f|false)$/i.test(text) ? '0' : text;
}

/** The kernel prints several numbers with tabs between them. */
export const isSameValue = (one: string, other: string): boolean =>
  wordsIn(one).join(' ') === wordsIn(other).join(' ');

const wordsIn = (value: string): readonly string[] => value.split(/\s+/).filter(Boolean);
