// What is known of one exact kernel beyond its number, whose word it is, and what a plan and a
// proof make of it.
import { describe, expect, it } from 'vitest';
import { derive, givenFacts, isVolatile, newAnswer, parsedByTable } from '../../src/facts/index.ts';
import type { Facts } from '../../src/model/fact.ts';
import { el7, readsOff } from '../modules/facts.ts';

const release = '3.10.0-862.el7.x86_64';
/** Docker and a kubelet that account: no runtime remedy fixes this host. */
const unread = (more: Facts = {}): Facts =>
  el7({
    'kubelet.installed': true,
    'kubelet.version': '1.12.3',
    'kernel.release': release,
    'kernel.next': release,
    'kernel.installed': [release],
    ...more,
  });
const withArgument: Facts = {
  'boot.cmdline': 'ro cgroup.memory=nokmem',
  'boot.next_cmdline': 'ro cgroup.memory=nokmem',
  ...readsOff,
};
const seen = (obeys: 'yes' | 'no', of = release): Facts => ({
  'kernel.seen': { [of]: obeys },
  'kernel.seen_on': { [of]: 'h1' },
});
const declared = (word: string): Facts => ({ 'kmem.kernels': { [release]: word } });
const map = (word: 'yes' | 'no'): Facts => ({ 'kernel.maps': { [release]: word } });

describe('the next kernel', () => {
  it.each<[string, Facts, string, string, string]>([
    ['nothing', {}, 'unknown', '', 'kernel_and_arg'],
    ['a System.map', map('yes'), 'yes', 'map', 'kernel_arg'],
    ['another host of this run', seen('yes'), 'yes', 'seen', 'kernel_arg'],
    ['another host, that it does not obey', seen('no'), 'no', 'seen', 'kernel_and_arg'],
    [
      'a host with another release',
      seen('yes', '3.10.0-862.44.2.el7.x86_64'),
      'unknown',
      '',
      'kernel_and_arg',
    ],
    ['the operator', declared('yes'), 'yes', 'declared', 'kernel_arg'],
    ['the operator, that it does not obey', declared('no'), 'no', 'declared', 'kernel_and_arg'],
    ['the operator, who lets the canary try it', declared('try'), 'yes', 'try', 'kernel_arg'],
    [
      'a host of this run against the operator',
      { ...declared('yes'), ...seen('no') },
      'no',
      'seen',
      'kernel_and_arg',
    ],
    [
      'a host of this run against a System.map',
      { ...map('yes'), ...seen('no') },
      'no',
      'seen',
      'kernel_and_arg',
    ],
    [
      'the operator against a System.map',
      { ...map('no'), ...declared('try') },
      'yes',
      'try',
      'kernel_arg',
    ],
  ])('by %s', (_, more, parses, by, remedy) => {
    expect(unread(more)).toMatchObject({
      'kernel.next_parses_nokmem': parses,
      'kernel.next_parses_by': by,
      'kmem.remedy': remedy,
    });
  });

  it.each<[string, Facts, string]>([
    [
      'seen',
      seen('yes'),
      `kubelet 1.12.3 accounts, docker 18.06.1-ce accounts; kernel ${release} obeys nokmem: seen on h1 in this run`,
    ],
    [
      'seen not to obey',
      seen('no'),
      `862 does not parse nokmem; kernel ${release} does not obey nokmem: seen on h1 in this run`,
    ],
    [
      'declared',
      declared('yes'),
      `kubelet 1.12.3 accounts, docker 18.06.1-ce accounts; kernel ${release} obeys nokmem: declared in kmem_kernels`,
    ],
    [
      'tried against its map',
      { ...map('no'), ...declared('try') },
      `kubelet 1.12.3 accounts, docker 18.06.1-ce accounts; the canary tries whether kernel ${release} obeys nokmem: declared in kmem_kernels, against its System.map`,
    ],
  ])('is named in the reason of the remedy: %s', (_, more, why) => {
    expect(unread(more)['kmem.remedy_why']).toBe(why);
  });

  it('that the table knows stays as it is, and the contradiction is named', () => {
    const known = '3.10.0-1160.el7.x86_64';
    const facts = el7(seen('no', known));
    expect(facts).toMatchObject({
      'kernel.next_parses_nokmem': 'yes',
      'kernel.next_parses_by': 'table',
      'kmem.remedy': 'kernel_arg',
    });
    expect(facts['kmem.remedy_why']).toBe(
      `docker 18.06.1-ce accounts; but h1 saw that ${known} does not obey`,
    );
    expect(el7(seen('yes', known))['kmem.remedy_why']).toBe('docker 18.06.1-ce accounts');
  });
});

/** Engine and kubelet are good since a change in this boot; groups from before it still account. */
const cleanRuntime: Facts = {
  'kubelet.version': '1.22.1',
  'docker.evr': '3:18.09.9-3.el7',
  'docker.version': '18.09.9',
  'docker.installed_at': 1_695_000_000,
  'containerd.package': 'containerd.io',
  'containerd.evr': '1.4.13-3.1.el7',
  'containerd.bundled': false,
  'runc.version': '1.0.2',
};

describe('a kernel that is tried', () => {
  it.each<[string, Facts, string, string]>([
    ['with the argument', declared('try'), 'kernel_arg', release],
    [
      'with a reboot into it',
      { ...declared('try'), 'boot.next_cmdline': 'ro cgroup.memory=nokmem' },
      'reboot',
      release,
    ],
    ['not where it was seen', { ...declared('try'), ...seen('yes') }, 'kernel_arg', ''],
    ['not by a declaration', declared('yes'), 'kernel_arg', ''],
    ['not with a reboot for something else', { ...declared('try'), ...cleanRuntime }, 'reboot', ''],
  ])('%s', (_, more, remedy, tries) => {
    expect(unread(more)).toMatchObject({ 'kmem.remedy': remedy, 'kmem.tries': tries });
  });
});

describe('the running kernel', () => {
  it.each<[string, Facts, string, string]>([
    ['a declaration is no proof', declared('yes'), 'unknown', 'at_risk'],
    ['nor is a try', declared('try'), 'unknown', 'at_risk'],
    ['its own probe proves it', { 'kmem.active_probe': 'off' }, 'yes', 'off'],
    ['its own probe proves the contrary', { 'kmem.active_probe': 'on' }, 'no', 'at_risk'],
    [
      'its own probe stands above another host',
      { ...seen('yes'), 'kmem.active_probe': 'on' },
      'no',
      'at_risk',
    ],
    ['another host of its release speaks for it', seen('yes'), 'yes', 'off'],
  ])('%s', (_, more, parses, verdict) => {
    expect(unread({ ...withArgument, ...more })).toMatchObject({
      'kernel.parses_nokmem': parses,
      'kmem.verdict': verdict,
    });
  });

  it.each<[string, Facts, ReturnType<typeof newAnswer>]>([
    [
      'an unread kernel that obeys',
      { ...withArgument, 'kmem.active_probe': 'off' },
      { release, obeys: 'yes' },
    ],
    [
      'an unread kernel that does not',
      { ...withArgument, 'kmem.active_probe': 'on' },
      { release, obeys: 'no' },
    ],
    ['no answer', { ...withArgument, 'kmem.active_probe': 'failed' }, undefined],
    ['an answer without the argument', { 'kmem.active_probe': 'on' }, undefined],
    [
      'what the table says',
      { ...withArgument, 'kernel.release': '3.10.0-1160.el7.x86_64', 'kmem.active_probe': 'off' },
      undefined,
    ],
    [
      'the contrary of the table',
      { ...withArgument, 'kernel.release': '3.10.0-1160.el7.x86_64', 'kmem.active_probe': 'on' },
      { release: '3.10.0-1160.el7.x86_64', obeys: 'no' },
    ],
    [
      'a kernel whose reads do not distinguish on from off',
      { ...withArgument, 'kernel.release': '4.19.0-5-amd64', 'kmem.active_probe': 'on' },
      undefined,
    ],
  ])('is news: %s', (_, more, news) => {
    expect(newAnswer(unread(more))).toEqual(news);
  });
});

describe('given facts', () => {
  it('are there without any, survive derive, and what a run saw makes no plan stale', () => {
    expect(derive(givenFacts())).toMatchObject({
      'kernel.seen': {},
      'kernel.seen_on': {},
      'kmem.kernels': {},
      'kmem.asks': {},
    });
    expect(givenFacts({}, new Map([[release, { obeys: 'no', host: 'h1' }]]))).toMatchObject(
      seen('no'),
    );
    expect(derive(givenFacts({ 'kmem.asks': { kubelet: 'no' } }))['kmem.asks']).toEqual({
      kubelet: 'no',
    });
    expect(['kernel.seen', 'kernel.seen_on', 'kmem.kernels', 'kmem.asks'].map(isVolatile)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it.each([
    ['3.10.0-514.el7.x86_64', 'no'],
    ['3.10.0-862.el7.x86_64', 'unknown'],
    ['3.10.0-862.44.2.el7.x86_64', 'unknown'],
    ['3.10.0-957.el7.centos.plus.i686', 'unknown'],
    ['3.10.0-1160.el7.x86_64', 'yes'],
    ['3.10.0-862.el7', undefined],
    ['862', undefined],
    ['4.18.0-305.el8.x86_64', undefined],
  ])('a declared release %s: the table says %s', (name, parses) => {
    expect(parsedByTable(name)).toBe(parses);
  });
});
