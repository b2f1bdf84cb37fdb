// Area space: free space for packages, kernels and boot files.
import { type Unknown, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields, wholeNumber } from '../../fields.ts';

export const spaceArea: Area = {
  name: 'space',
  // df reads every mount, so a dead NFS server would hang it. This reads three paths only, in which
  // scripts before it have read files.
  script: `stat -f -c 'free %f %S %n' "$R/boot" "$R/" "$R/var"`,
  differs: true,
  quick: true,
  maxBytes: 4096,
  parse: (text) => {
    const rows = readFields(text).all('free');
    // The path may have a prefix before it.
    const free = (end: string): number | Unknown => freeKb(rows.find((row) => row.endsWith(end)));
    return {
      'space.boot_kb': free('/boot'),
      'space.root_kb': free('/'),
      'space.var_kb': free('/var'),
    };
  },
};

/** Free kB, from free blocks and their size. */
function freeKb(row: string | undefined): number | Unknown {
  const [blocks, size] = (row ?? '').split(' ').map(wholeNumber);
  return blocks === undefined || size === undefined
    ? unknown('the free space could not be read')
    : Math.floor((blocks * size) / 1024);
}
