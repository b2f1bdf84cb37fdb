// The remedy of a host whose walk begins: the planned one, or what its run saw meanwhile of its
// next kernel makes of it.
import { describe, expect, it } from 'vitest';
import { chooseAnew } from '../../src/core/plan/overlay.ts';
import type { Facts } from '../../src/model/fact.ts';
import type { Remedy } from '../../src/model/facts/values.ts';
import { el7, readsOff } from '../modules/facts.ts';

const release = '3.10.0-862.el7.x86_64';
const accounting: Facts = {
  'kernel.release': release,
  'kernel.next': release,
  'kubelet.installed': true,
  'kubelet.version': '1.12.3',
  'kernel.seen_on': { [release]: 'h1' },
};
const seen = (obeys: 'yes' | 'no', of = release): Facts => ({ 'kernel.seen': { [of]: obeys } });
const cured: Facts = {
  'boot.cmdline': 'ro cgroup.memory=nokmem',
  'boot.next_cmdline': 'ro cgroup.memory=nokmem',
  ...readsOff,
};
const choice = (planned: Remedy, more: Facts, touched = false): string =>
  chooseAnew({ remedy: planned, why: 'as planned' }, el7({ ...accounting, ...more }), touched)
    .remedy;

describe('the remedy at the start of a walk', () => {
  it.each<[string, Remedy, Facts, Remedy]>([
    ['a kernel that obeys is kept', 'kernel_and_arg', seen('yes'), 'kernel_arg'],
    ['a kernel that does not is replaced', 'kernel_arg', seen('no'), 'kernel_and_arg'],
    [
      'also where only a reboot was planned',
      'reboot',
      { ...seen('no'), 'boot.next_cmdline': 'ro cgroup.memory=nokmem' },
      'kernel_and_arg',
    ],
    [
      'a host that runs it with the argument needs nothing',
      'kernel_and_arg',
      { ...seen('yes'), ...cured },
      'none',
    ],
    [
      'another release says nothing',
      'kernel_and_arg',
      seen('yes', '3.10.0-862.2.3.el7.x86_64'),
      'kernel_and_arg',
    ],
    ['nothing was seen', 'kernel_and_arg', {}, 'kernel_and_arg'],
    ['a runtime stays the remedy', 'runtime', seen('yes'), 'runtime'],
  ])('%s', (_, planned, more, remedy) => {
    expect(choice(planned, more)).toBe(remedy);
  });

  it.each<[string, Remedy, Facts, Remedy]>([
    ['gets no new kernel where the old one obeys', 'kernel_and_arg', seen('yes'), 'kernel_arg'],
    [
      'walks to its uncordon where nothing needs a remedy any more',
      'kernel_and_arg',
      { ...seen('yes'), ...cured },
      'kernel_arg',
    ],
    [
      'keeps its remedy where that is smaller than what would be needed',
      'kernel_arg',
      seen('no'),
      'kernel_arg',
    ],
  ])('of a host that was touched: it %s', (_, planned, more, remedy) => {
    expect(choice(planned, more, true)).toBe(remedy);
  });
});
