// Playbooks as people have them, which ansible-playbook carries out too, load as they are written and
// plan on practice hosts: no host is refused or left out, and the plan has what each is about.
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Practice, practice, sick } from '../cli/practice.ts';

const folder = resolve(import.meta.dirname, '../fixtures/ansible-playbooks');

/** The hosts that change, and lines of the plan of each playbook. */
const playbooks: Readonly<Record<string, readonly [hosts: readonly string[], lines: RegExp]>> = {
  'kernel-rollout.yml': [
    ['w1', 'w2'],
    /on this machine: run kubectl .* drain w1 [\s\S]*\+ package kernel: 3\.10\.0-1160[\s\S]*into the new kernel \(later: [\s\S]*until the node is Ready[\s\S]*uncordon w2/,
  ],
  'nokmem-grub.yml': [
    ['b1', 'b2'],
    /\+GRUB_CMDLINE_LINUX=".* cgroup\.memory=nokmem"[\s\S]*grub2-mkconfig[\s\S]*restart the host \(later: [\s\S]*accounting is off \(later: /,
  ],
  'patch-by-group.yml': [
    ['b1', 'b2', 'w1', 'w2'],
    /package yum-utils: [\s\S]*kernel package kernel: 3\.10\.0-1160[\s\S]*restart after patches \(later: /,
  ],
  'docker-held.yml': [
    ['b1', 'b2'],
    /yum versionlock delete docker-ce [\s\S]*package docker-ce: 18\.06\.1\.ce-3\.el7 -> 3:18\.09\.1-3\.el7[\s\S]*restart docker/,
  ],
  'runtime-config.yml': [
    ['b1', 'b2'],
    /"registry-mirrors": \["https:\/\/mirror\.example\.net"\],[\s\S]*LimitNOFILE=1048576[\s\S]*reload systemd[\s\S]*restart docker/,
  ],
  'settings-and-jobs.yml': [
    ['b1', 'b2', 'd1', 'w1', 'w2'],
    /sysctl vm\.max_map_count: \d+ -> 262144 [\s\S]*module br_netfilter[\s\S]*\+59 3 \* \* \* root docker image prune[\s\S]*soft nofile 65536/,
  ],
  'debian-updates.yml': [
    ['d1'],
    /package openssl: 3\.0\.15-1~deb12u1 -> 3\.0\.17-1~deb12u2[\s\S]*reboot \(later: /,
  ],
};

const worker = ['container-selinux-2:2.68-1.el7', 'kubelet-1.22.17-0'];

describe('a playbook of Ansible', () => {
  let fleet: Practice;

  beforeAll(async () => {
    const old = { kernel: '3.10.0-1127.el7.x86_64' };
    fleet = await practice([
      sick('w1', { ...old, group: 'workers', packages: worker }),
      sick('w2', { ...old, group: 'workers', packages: worker }),
      sick('b1', { ...old, group: 'builders' }),
      sick('b2', { ...old, group: 'builders' }),
      {
        name: 'd1',
        group: 'debian',
        flavour: 'debian',
        kernel: '6.1.0-28-amd64',
        packages: ['linux-image-6.1.0-28-amd64=6.1.119-1', 'openssl=3.0.15-1~deb12u1'],
      },
    ]);
  }, 60_000);
  afterAll(() => fleet.close());

  it('is in the table', () => {
    const files = readdirSync(folder).filter((name) => name.endsWith('.yml'));
    expect(files.sort()).toEqual(Object.keys(playbooks).sort());
  });

  it.each(Object.entries(playbooks))('%s loads and plans', async (file, [hosts, lines]) => {
    const inventory = ['-i', fleet.fleet.inventoryFile];
    const validated = await fleet.run(['validate', join(folder, file), ...inventory]);
    expect([validated.exit, validated.err.match(/^.*(?:error|warning): .*$/gm)]).toEqual([0, null]);
    const { exit, out, err } = await fleet.run(['plan', join(folder, file)]);
    expect([exit, out, err.match(/^.*(?:error|warning): .*$/gm)]).toEqual([
      2,
      expect.stringMatching(lines),
      null,
    ]);
    expect(out).not.toMatch(/^(?:Refused|Left out)/m);
    const changed = new Set(out.match(/^ {2}[bdw]\d(?= .*risk)/gm)?.map((line) => line.trim()));
    expect([...changed].sort()).toEqual(hosts);
  });
});
