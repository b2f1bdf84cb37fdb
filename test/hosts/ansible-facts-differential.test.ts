// Facts by Ansible's names on this machine, against the Ansible that is installed here.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { buildProbe, parseProbe } from '../../src/facts/index.ts';
import { isMapping, type Mapping } from '../../src/model/value.ts';

const hasAnsible = spawnSync('/usr/bin/ansible', ['--version']).status === 0;

it.skipIf(!hasAnsible)('the 13 names have the values of the module setup', () => {
  const { stdout } = spawnSync(
    '/usr/bin/ansible',
    ['-i', 'localhost,', '-c', 'local', '-m', 'setup', 'localhost'],
    { encoding: 'utf8', timeout: 120_000 },
  );
  const theirs: { ansible_facts: Mapping } = JSON.parse(stdout.slice(stdout.indexOf('{')));
  const probe = spawnSync('sh', ['-s'], {
    input: buildProbe([{ area: 'ansible' }]),
    encoding: 'utf8',
    timeout: 120_000,
  });
  const read = parseProbe(probe.stdout, [{ area: 'ansible' }]);
  const ours: Mapping = read.ok ? read.value : {};
  const named = Object.keys(ours).filter((name) => name.startsWith('ansible_facts.'));
  expect(named).toHaveLength(13);
  for (const name of named) {
    const key = name.replace('ansible_facts.', 'ansible_');
    const value = theirs.ansible_facts[key];
    // Without its Python library Ansible does not know SELinux.
    if (isMapping(value) && String(value.status).startsWith('Missing')) continue;
    expect([key, ours[name]]).toEqual([key, value]);
    expect(ours[key]).toEqual(ours[name]);
  }
});
