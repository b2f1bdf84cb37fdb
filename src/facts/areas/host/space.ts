// Area space: what is free where packages, kernels and boot files go.
import { type Unknown, unknown } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields, wholeNumber } from '../../fields.ts';

export const spaceArea: Area = {
  name: 'space',
  // statfs of three paths: df would look at every mount, and a dead NFS server would hang it.
  script: `$T stat -f -c 'free %f %S %n' "$R/boot" "$R/" "$R/var"`,
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

/** Free blocks and their size. */
function freeKb(row: string | undefined): number | Unknown {
  const [blocks, size] = (row ?? '').split(' ').map(wholeNumber);
  return blocks === undefined || size === undefined
    ? unknown('the free space could not be read')
    : Math.floor((blocks * size) / 1024);
}
