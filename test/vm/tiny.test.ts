// Debian's GRUB, update-grub and kernel with a shell script as PID 1: the real boot path, fast
// enough for every CI run.
import { describeRemedy } from './remedy.ts';
import { vmMissing } from './vm.ts';

describeRemedy({ image: 'tiny', group: 'limited', missing: vmMissing('disk') });
