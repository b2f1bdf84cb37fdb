// The same on a machine with systemd and docker: about two minutes a boot without KVM, so only on
// request (`npm run test:vm -- full`, or KMEND_VM=full).
import { describeCreators } from './creators.ts';
import { describeRemedy } from './remedy.ts';
import { vmMissing } from './vm.ts';

const missing =
  process.env.KMEND_VM === 'full'
    ? vmMissing('disk')
    : 'takes long; run it with `npm run test:vm -- full`';

describeRemedy({
  image: 'full',
  group: 'system.slice/limited.service',
  container: 'system.slice/docker-*.scope',
  missing,
});
describeCreators(missing);
