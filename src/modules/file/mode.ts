// File modes as Ansible's modules take them: octal digits, or symbols as `chmod` knows them.
import { digits } from '../../model/shape/schema.ts';

const symbols =
  /^[ugoa]+(?:[-+=](?:[rwxXst]+|[ugo])?)+(?:,[ugoa]+(?:[-+=](?:[rwxXst]+|[ugo])?)+)*$/;

export const fileMode = digits('mode').refine(
  (value) => /^0?[0-7]{3,4}$/.test(value) || symbols.test(value),
  'should be a file mode such as 0644, or u=rw,go=r',
);

const rights: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1 };
const shifts: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };
/** Set-user-id, set-group-id and the sticky bit, by whose right they stand with. */
const special: Readonly<Record<string, { readonly letter: string; readonly bit: number }>> = {
  u: { letter: 's', bit: 0o4000 },
  g: { letter: 's', bit: 0o2000 },
  o: { letter: 't', bit: 0o1000 },
};

/** The wanted mode as four octal digits. Symbols change the mode of now. */
export function modeOf(wanted: string, now: string, isDirectory: boolean): string {
  if (/^[0-7]+$/.test(wanted)) return octal(Number.parseInt(wanted, 8));
  let mode = Number.parseInt(now, 8);
  for (const clause of wanted.split(',')) {
    const at = clause.search(/[-+=]/);
    const [who, actions] = [clause.slice(0, at), clause.slice(at)];
    for (const [, sign = '', letters = ''] of actions.matchAll(/([-+=])([rwxXstugo]*)/g))
      for (const one of who.includes('a') ? 'ugo' : who)
        mode = changed(mode, one, { sign, bits: bitsOf(letters, one, mode, isDirectory) });
  }
  return octal(mode);
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

function bitsOf(letters: string, who: string, mode: number, isDirectory: boolean): number {
  const shift = shifts[who] ?? 0;
  let bits = 0;
  for (const letter of letters) {
    const from = shifts[letter];
    if (from !== undefined) bits |= ((mode >> from) & 7) << shift;
    else if (letter === 'X') bits |= isDirectory || (mode & 0o111) !== 0 ? 1 << shift : 0;
    else if (letter === special[who]?.letter) bits |= special[who].bit;
    else bits |= (rights[letter] ?? 0) << shift;
  }
  return bits;
}

function changed(
  mode: number,
  who: string,
  { sign, bits }: { readonly sign: string; readonly bits: number },
): number {
  if (sign === '+') return mode | bits;
  if (sign === '-') return mode & ~bits;
  const own = (7 << (shifts[who] ?? 0)) | (special[who]?.bit ?? 0);
  return (mode & ~own) | bits;
}
