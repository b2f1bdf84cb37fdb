// Tasks that the machine of kmend does for a host: by real processes, also after kill -9.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnCommand } from '../cli/child.ts';
import { type Practice, practice, sick, until } from '../cli/practice.ts';

let lab: Practice;
const hosts = ['rolled', 'killed', 'moved', 'piped', 'hostile', 'read'] as const;
type Host = (typeof hosts)[number];

beforeAll(async () => {
  lab = await practice(hosts.map((name) => sick(name)));
  mkdirSync(join(lab.dir, 'bin'));
  const kubectl = join(lab.dir, 'bin/kubectl');
  // It reports the node as ready when it is asked the second time.
  writeFileSync(
    kubectl,
    `#!/bin/sh
echo "$*" >> '${lab.dir}/kubectl.log'
env > '${lab.dir}/kubectl.env'
case $* in 'get '*) [ -e '${lab.dir}/asked' ] && printf True; touch '${lab.dir}/asked' ;; esac
`,
  );
  chmodSync(kubectl, 0o755);
});
afterAll(() => lab.close());

const stateHome = (host: Host): string => join(lab.dir, 'state-of', host);
const log = (name: string): string => join(lab.dir, `${name}.log`);
const linesOf = (name: string): readonly string[] =>
  existsSync(log(name)) ? readFileSync(log(name), 'utf8').trim().split('\n') : [];
const book = (host: Host, tasks: string): string =>
  lab.file(`${host}.yaml`, `- hosts: ${host}\n  become: true\n  serial: 1\n  tasks:\n${tasks}`);

/** A process of its own, with a spool for each host. */
const start = (host: Host, args: readonly string[]) =>
  spawnCommand(
    [...args, '--state-dir', lab.state],
    join(lab.dir, 'home'),
    { KMEND_TOKEN: 'hidden', XDG_STATE_HOME: stateHome(host) },
    ['/usr/bin/env', `PATH=${lab.dir}/bin:${process.env.PATH ?? ''}`],
  );

async function run(host: Host, args: readonly string[]) {
  const child = await start(host, args);
  const exit = await child.ended;
  return { exit, out: child.out() + child.err() };
}
const withFleet = (path: string): readonly string[] => [path, '-i', lab.fleet.inventoryFile];

/** Applies the playbook, and kills kmend when this machine has written `line`. */
async function killedAt(host: Host, path: string, line: string): Promise<string> {
  const child = await start(host, ['apply', ...withFleet(path), '--yes']);
  const seen = (): boolean => linesOf(host).includes(line);
  await until(`${host}: ${child.out()}${child.err()}`, seen, 30);
  child.signal('SIGKILL');
  await child.ended;
  return lab.runs().find((one) => lab.journalText(one).includes(`${host}.yaml`)) ?? '';
}

const slow = (host: Host): string =>
  `    - name: slow
      shell: "echo begun >> '${log(host)}'; sleep 3; echo ended >> '${log(host)}'; echo said"
      delegate_to: localhost
      register: it
    - name: next
      shell: "echo {{ it.stdout | quote }} >> '${log(host)}'"
      connection: local
`;

describe('delegate_to: localhost', () => {
  it('drains and uncordons by kubectl, which counts for the reboot between', async () => {
    const path = book(
      'rolled',
      `    - command: kubectl --kubeconfig /k drain {{ inventory_hostname }} --timeout=9s
      delegate_to: localhost
      become: no
    - reboot: {post_reboot_delay: 1}
    - command: kubectl get node {{ inventory_hostname }} -o jsonpath={.x}
      delegate_to: 127.0.0.1
      register: ready
      until: ready.stdout == "True"
      retries: 3
      delay: 1
      changed_when: false
    - local_action: command kubectl uncordon {{ inventory_hostname }}
      run_once: true
`,
    );
    const plan = await run('rolled', ['plan', ...withFleet(path)]);
    expect(plan.out).toContain('on this machine: run kubectl --kubeconfig /k drain rolled');
    expect(plan.out).toMatch(/drain rolled --timeout=9s \[evict\]/);
    expect(linesOf('kubectl')).toEqual([]);
    const applied = await run('rolled', ['apply', ...withFleet(path), '--yes']);
    expect(applied.exit, applied.out).toBe(0);
    expect(linesOf('kubectl')).toEqual([
      '--kubeconfig /k drain rolled --timeout=9s',
      'get node rolled -o jsonpath={.x}',
      'get node rolled -o jsonpath={.x}',
      'uncordon rolled',
    ]);
    expect(applied.out).toMatch(/rolled back with boot id/);
    const environment = readFileSync(join(lab.dir, 'kubectl.env'), 'utf8');
    expect(environment).toContain(`HOME=${join(lab.dir, 'home')}`);
    expect(environment).not.toContain('KMEND_TOKEN');
    expect(existsSync(join(stateHome('rolled'), 'kmend-spool', lab.runs().at(-1) ?? ''))).toBe(
      false,
    );
  }, 90_000);

  it.concurrent('kill -9: the resume waits for it, and it ran once', async () => {
    const id = await killedAt('killed', book('killed', slow('killed')), 'begun');
    const resumed = await run('killed', ['resume', id, '--yes']);
    expect([resumed.exit, linesOf('killed')], resumed.out).toEqual([0, ['begun', 'ended', 'said']]);
  }, 60_000);

  it.concurrent('on another machine its outcome is unknown, and it is not done again', async () => {
    const id = await killedAt('moved', book('moved', slow('moved')), 'begun');
    await until('moved', () => linesOf('moved').includes('ended'), 30);
    // What another machine has: a spool of its own.
    writeFileSync(join(stateHome('moved'), 'kmend-spool/id'), 'another\n');
    rmSync(join(stateHome('moved'), 'kmend-spool', id), { recursive: true });
    const resumed = await run('moved', ['resume', id, '--yes']);
    expect(resumed.exit, resumed.out).toBe(4);
    expect(resumed.out).toMatch(/was done is not known: it was begun on another machine/);
    expect(resumed.out).toMatch(/then: kmend resume \S+ --state-dir \S+ --retry moved/);
    expect(linesOf('moved')).toEqual(['begun', 'ended']);
    const again = await run('moved', ['resume', id, '--retry', 'moved', '--yes']);
    expect(again.exit, again.out).toBe(0);
    expect(linesOf('moved')).toEqual(['begun', 'ended', 'begun', 'ended', 'said']);
  }, 90_000);

  it.concurrent('with stdin nothing is kept of it: a resume does not do it again', async () => {
    const tasks = `    - shell: {cmd: "cat >> '${log('piped')}'; sleep 5", stdin: word}
      delegate_to: localhost
`;
    const id = await killedAt('piped', book('piped', tasks), 'word');
    const resumed = await run('piped', ['resume', id, '--yes']);
    expect([resumed.exit, linesOf('piped')], resumed.out).toEqual([4, ['word']]);
    expect(resumed.out).toContain('is not known');
  }, 60_000);

  it.concurrent('a value of a host is never a part of the command', async () => {
    const trap = `$(touch '${lab.dir}/trap'); x'y $HOME`;
    const path = book(
      'hostile',
      `    - command: {argv: [printf, "%s", "{{ trap }}"], expand_argument_vars: false}
      vars: {trap: "${trap}"}
      register: host
    - command: printf '%s|' a{{ host.stdout }}b c
      delegate_to: localhost
      register: words
    - shell: |
        echo "{{ host.stdout | quote }}" {{ host.stdout | quote }} | cat
        cat <<end
        {{ host.stdout | quote }}
        end
      delegate_to: localhost
      register: script
    - debug: {msg: "{{ words.stdout }} {{ script.stdout }}"}
`,
    );
    const applied = await run('hostile', ['apply', ...withFleet(path), '--yes']);
    expect(applied.exit, applied.out).toBe(0);
    expect(existsSync(join(lab.dir, 'trap'))).toBe(false);
    expect(applied.out).toContain(`a${trap}b|c| ${trap} ${trap}`);
  }, 60_000);

  it.concurrent('reads this machine, also in a plan', async () => {
    const path = book(
      'read',
      `    - stat: {path: "${lab.dir}/read.yaml"}
      delegate_to: localhost
      register: here
    - stat: {path: "${lab.dir}/read.yaml"}
      register: there
    - command: touch '${log('read')}' creates='${log('read')}'
      delegate_to: localhost
    - fail: {msg: "this machine was not read"}
      when: not here.stat.exists or there.stat.exists
`,
    );
    const plan = await run('read', ['plan', ...withFleet(path)]);
    expect(plan.out).toContain('Plan: 1 host to change, 0 with nothing to do, 0 refused');
    writeFileSync(log('read'), '');
    const idle = await run('read', ['plan', ...withFleet(path)]);
    expect(idle.out).toContain('Plan: 0 hosts to change, 1 with nothing to do, 0 refused');
  }, 60_000);
});
