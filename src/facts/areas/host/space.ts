// Area space: what is free where packages, kernels and boot files go.
import { unknown, type Value } from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields, wholeNumber } from '../../fields.ts';

/** Facts by how the path ends (it may have a prefix before it). */
const places = [
  { fact: 'space.boot_kb', end: '/boot' },
  { fact: 'space.root_kb', end: '/' },
  { fact: 'space.var_kb', end: '/var' },
];

export const spaceArea: Area = {
  name: 'space',
  facts: [
    { name: 'space.boot_kb', lifetime: 'disk', summary: 'kB that root can still write to /boot', example: 512_000 },
    { name: 'space.root_kb', lifetime: 'disk', summary: 'kB that root can still write to /', example: 20_000_000 },
    { name: 'space.var_kb', lifetime: 'disk', summary: 'kB that root can still write to /var', example: 20_000_000 },
  ],
  // statfs of three paths: df would look at every mount, and a dead NFS server would hang it.
  script: `$T stat -f -c 'free %f %S %n' "$R/boot" "$R/" "$R/var"`,
  maxBytes: 4096,
  parse: (text) => {
    const rows = readFields(text).all('free');
    return Object.fromEntries(places.map(({ fact, end }) => [fact, freeKb(rows.find((row) => row.endsWith(end)))]));
  },
};

/** Free blocks and their size. */
function freeKb(row: string | undefined): Value {
  const [blocks, size] = (row ?? '').split(' ').map(wholeNumber);
  return blocks === undefined || size === undefined ? unknown('the free space could not be read') : Math.floor((blocks * size) / 1024);
}
