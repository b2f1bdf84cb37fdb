// Which variables a run writes down: nothing that is, or may be, secret.
import { describe, expect, it } from 'vitest';
import { namesUnderNoLog, withoutSecrets } from '../../src/core/plan/kept-vars.ts';
import { knownSecrets, type Mask } from '../../src/engine/effects/mask.ts';
import { loadPlaybook } from '../../src/load/index.ts';
import type { Mapping, Value } from '../../src/model/value.ts';
import { modules } from '../../src/modules/index.ts';

const none = (): boolean => false;

const masking = (...words: readonly string[]): Mask => {
  const secrets = knownSecrets();
  secrets.learn(words);
  return secrets.mask;
};

const withheld = (vars: Mapping, secrets: readonly string[] = []): readonly string[] =>
  withoutSecrets(vars, none, masking(...secrets)).withheld;

describe('variables that are kept', () => {
  it.each<[string, Value]>([
    ['drain_command', 'kubectl drain {{ node }} --ignore-daemonsets'],
    [
      'drain_command',
      'curl -H "Authorization: Bearer {{ api_token }}" https://lb/{{ inventory_hostname }}',
    ],
    ['drain_command', '/opt/drain --password-file=/etc/drain.key {{ node }}'],
    ['uncordon_command', '/opt/bypass off'],
    ['reboot_stable_for', '5'],
    ['ansible_ssh_private_key_file', '/home/ops/.ssh/id_ed25519'],
    ['runtime_versions', { 'docker-ce': '18.09.9' }],
  ])('%s: %j', (name, value) => {
    expect(withoutSecrets({ [name]: value }, none, masking('hunter22'))).toEqual({
      kept: { [name]: value },
      withheld: [],
    });
  });
});

describe('variables that are withheld', () => {
  it.each([
    'ansible_password',
    'ansible_ssh_pass',
    'ansible_become_pass',
    'db_pw',
    'dbPassword',
    'SLACK_TOKEN',
    'clientSecret',
    'api_key',
    'aws_access_key_id',
    'private_key',
    'vault_user',
  ])('by name: %s', (name) => {
    expect(withheld({ [name]: 'x', other: 'y' })).toEqual([name]);
  });

  it.each<Value>([
    'mysql --password=abc -e x',
    '/opt/drain --token abc',
    'curl -H "Authorization: Bearer abc"',
    'curl https://ops:abc@lb/out',
    '-----BEGIN OPENSSH PRIVATE KEY-----',
    { user: 'ops', password: 'abc' },
    [{ nested: { token: 'abc' } }],
    'sudo says hunter22',
  ])('by value: %j', (value) => {
    expect(withheld({ command: value }, ['hunter22'])).toEqual(['command']);
  });

  it('under no_log: what such a task mentions, in a block too, and what that is made from', () => {
    const text = `- hosts: all
  vars: {login: "{{ user_word }}:x", plain: "{{ given }}"}
  tasks:
    - command: {argv: ["echo", "{{ plain }}"]}
    - name: Hidden
      no_log: true
      block:
        - shell: {cmd: "curl -u {{ login }} lb"}
`;
    const play = loadPlaybook('p.yml', text, { modules, facts: [] }).value?.plays[0];
    if (play === undefined) throw new Error('the playbook is not read');
    const names = namesUnderNoLog(play, [
      { user_word: 'x', given: 'y' },
      play.vars,
      { from_host: 'z' },
    ]);
    expect([...names].sort()).toEqual(['login', 'user_word']);
    expect(
      withoutSecrets({ user_word: 'x', given: 'y' }, (name) => names.has(name), masking()),
    ).toEqual({
      kept: { given: 'y' },
      withheld: ['user_word'],
    });
  });
});
