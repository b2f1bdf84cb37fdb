// A canary is planted in every place where a secret may enter; nothing that any command printed or
// wrote may hold one, in any of its forms.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, practice, sick } from '../cli/practice.ts';
import { vaultText, vaultValue } from '../fakes/vault-writer.ts';

/**
 * Each has quotes and signs that shells, JSON and URLs write in their own way; the letters in the
 * middle are the canary.
 */
const canary = (name: string): string => `9"'${name}Zq7canary&%${name}`;
const isPlanted = (text: string): boolean => /Zq7canary/i.test(text);

const places = [
  'login',
  'become',
  'inventory',
  'group',
  'extra',
  'file',
  'input',
  'environment',
  'named',
  'play',
  'task',
  'argument',
  'rendered',
  'set',
  'registered',
  'nolog',
  'flow',
  'vaultFile',
  'vaultValue',
  'vaultExtra',
  'vaultArgument',
] as const;
const secret = Object.fromEntries(places.map((place) => [place, canary(place)])) as Readonly<
  Record<(typeof places)[number], string>
>;

// Canaries of URLs have the letters that a URL may have.
const urls = {
  login: 'http://ops:loginZq7canary@127.0.0.1:1/repo',
  token: 'http://127.0.0.1:1/pkg.rpm?arch=x86_64&token=tokenZq7canary',
  signed: 'http://127.0.0.1:1/x?X-Amz-Signature=signedZq7canary',
};

/**
 * Every text that could be read after the commands: what was printed, and every file below the
 * state directory.
 */
const texts = new Map<string, string>();

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

/** The canaries that a text contains, as they are or in base64. */
function found(text: string): readonly string[] {
  const plain = text.match(/.{0,40}Zq7canary.{0,20}/gi) ?? [];
  const encoded = (text.match(/[\w+/-]{12,}/g) ?? []).filter((run) =>
    [0, 1, 2, 3].some((skip) =>
      isPlanted(Buffer.from(run.slice(skip), 'base64').toString('latin1')),
    ),
  );
  return [...plain, ...encoded];
}

const vaultPassword = 'Zq7canary of the vault';

const yaml = (text: string): string => JSON.stringify(text);

const playbook = (gate: string): string => `- name: Canaries
  hosts: all
  vars:
    smtp_password: ${yaml(secret.play)}
    part: ${yaml(secret.rendered)}
    full_token: "{{ part }}-full"
    repo: ${yaml(urls.login)}
    mirror: ${yaml(urls.token)}
    signed: ${yaml(urls.signed)}
    all_of_them: ["{{ db_password }}", "{{ pool_token }}", "{{ api_token }}", "{{ deploy_secret }}", "{{ pipe_token }}", "{{ env_secret }}",
      "{{ alpha }}", "{{ beta }}", "{{ gamma }}", "{{ delta.deep[0] }}",
      "{{ site_pin }}", "{{ smtp_password }}", "{{ full_token }}", "{{ ansible_password }}", "{{ ansible_become_password }}"]
  rollout:
    rollback: none
    gates:
      - {name: outside, http: {url: ${yaml(gate)}}}
  tasks:
    - name: Forms
      vars: {local_secret: ${yaml(secret.task)}}
      shell:
        cmd: |
          printf '%s\\n' {{ all_of_them | map('quote') | join(' ') }} {{ all_of_them | map('b64encode') | join(' ') }}
          printf '%s\\n' {{ all_of_them | map('urlencode') | join(' ') }} {{ ('u:' ~ db_password) | b64encode }} >&2
          printf '%s\\n' {{ all_of_them | to_json | quote }} {{ local_secret | quote }}
      register: forms
    - name: Long output
      shell: {cmd: "i=0; while [ $i -lt 200 ]; do echo line $i of {{ db_password | quote }}; i=$((i+1)); done"}
    - {name: Cut in the middle, shell: {cmd: "echo ------------------------------------------------------------------ {{ db_password | urlencode }} x y z"}}
    - name: Encrypted argument
      debug:
        msg: ${vaultValue(secret.vaultArgument, vaultPassword)}
    - {name: Encrypted values under plain names, debug: {msg: {some: "{{ alpha }}", all: ["{{ beta }}{{ gamma }}", "{{ delta }}"]}}}
    - {name: Set from them, set_fact: {copy: "{{ delta }}", both: "{{ alpha ~ beta }}"}}
    - {name: Fails with one, assert: {that: "alpha == gamma", fail_msg: "{{ beta }}"}, ignore_errors: true}
    - name: URLs
      shell: {cmd: "echo {{ repo | quote }} {{ mirror | quote }} {{ signed | quote }}"}
    - name: A note
      debug: {msg: "{{ db_password }} {{ api_token }} {{ mirror }} {{ forms }}"}
    - name: Read only
      command: {argv: [echo, "{{ api_token }}"], read_only: true}
      register: echoed
    - name: Set
      set_fact: {session_token: "{{ 'set' ~ echoed.rc }}Zq7canary", harmless: "{{ echoed.stdout }}"}
    - name: Use what was set
      debug: {msg: "{{ session_token }} {{ harmless }}"}
    - name: Use what was set in a command
      shell: {cmd: "echo {{ session_token }} {{ harmless | quote }}"}
    - name: Registered by a secret name
      shell: {cmd: 'echo Zq7cana""ryregistered'}
      register: join_token
    - name: Read by a secret name
      command: {argv: [sh, -c, 'echo Zq7cana""ryread'], read_only: true}
      register: read_token
    - name: Use what was registered
      shell: {cmd: "echo {{ join_token.stdout | quote }}"}
    - name: Repository
      yum_repository: {name: canaries, description: canaries, baseurl: ${yaml(urls.token)}, file: canaries}
    - name: Hidden
      no_log: true
      block:
        - name: Hidden read
          command: {argv: [echo, ${yaml(secret.nolog)}], read_only: true}
          register: hidden
        - name: Hidden failing read
          command: {cmd: "sh -c 'echo Zq7canaryhidden >&2; exit 3'", read_only: true}
          ignore_errors: true
        - name: Hidden note
          debug: {msg: ${yaml(secret.nolog)}}
        - name: Hidden condition
          assert: {that: "hidden.stdout == ${secret.nolog.replaceAll('"', '').replaceAll("'", '').replace('9', "'")}'"}
          ignore_errors: true
        - name: Hidden skip
          debug: {msg: never}
          when: "hidden.stdout == 'Zq7canary'"
        - name: Hidden failure
          shell: {cmd: "echo Zq7canaryout; echo Zq7canaryerr >&2; exit 4"}
          ignore_errors: true
    - name: Shown after hidden
      debug: {msg: "{{ hidden.stdout }}"}
`;

/** Failures that are not ignored: of a condition, and of a command. */
const failing = `- name: Failing
  hosts: all
  rollout: {rollback: none, brake: {failures: 2}, max_unavailable: 2, canary: {hosts: 2}}
  tasks:
    - {name: Make, shell: {cmd: "echo x"}, register: made}
    - {name: Hidden condition, no_log: true, assert: {that: "made.stdout == 'Zq7canary'"}, when: inventory_hostname == 'h1'}
    - {name: Hidden command, no_log: true, shell: {cmd: "echo Zq7canary; echo Zq7canary >&2; exit 4"}}
`;

/** An encrypted value, and an encrypted file: of their names none says that it is secret. */
function plantVault(beside: string): void {
  for (const dir of ['group_vars/all', 'host_vars'])
    mkdirSync(join(beside, dir), { recursive: true });
  // The text of the template has no canary, its value has one.
  const file = `beta: ${yaml(secret.vaultFile)}\ndelta: {deep: ["{{ 'Zq7' ~ 'canary' }}delta"]}\n`;
  writeFileSync(join(beside, 'group_vars/all/vault.yml'), vaultText(file, vaultPassword));
  for (const host of ['h1', 'h2'])
    writeFileSync(
      join(beside, `host_vars/${host}.yml`),
      `alpha: ${vaultValue(secret.vaultValue, vaultPassword, 'prod')}`,
    );
}

let lab: Practice;
let gate = '';
const notices: string[] = [];
const server = createServer((request, response) => {
  request.on('data', (chunk) => notices.push(String(chunk)));
  request.on('end', () => response.end('ok'));
});

const environment: Record<string, string> = {
  KMEND_VAR_env_secret: secret.environment,
  KMEND_SECRETS: 'site_pin,x_*',
};

async function run(
  name: string,
  args: readonly string[],
  changes = {},
): Promise<{ exit: number; out: string; err: string }> {
  const ended = await lab.run(args, {
    env: environment,
    readInput: async () => `pipe_token: ${yaml(secret.input)}\n`,
    ...changes,
  });
  texts.set(`${name}: stdout`, ended.out);
  texts.set(`${name}: stderr`, ended.err);
  return ended;
}

beforeAll(async () => {
  lab = await practice([sick('h1'), sick('h2')]);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  gate = `http://ops:gateZq7canary@127.0.0.1:${port}/?token=gatetokenZq7canary`;
  const inventory = readFileSync(lab.fleet.inventoryFile, 'utf8');
  const vars = `ansible_password: ${yaml(secret.login)}, ansible_become_password: ${yaml(secret.become)}, db_password: ${yaml(secret.inventory)}, site_pin: ${yaml(secret.named)}, `;
  writeFileSync(lab.fleet.inventoryFile, inventory.replaceAll(/(h[12]: \{)/g, `$1${vars}`));
  expect(readFileSync(lab.fleet.inventoryFile, 'utf8').match(/Zq7canary/g)?.length).toBeGreaterThan(
    6,
  );
  environment.ANSIBLE_VAULT_PASSWORD_FILE = lab.file('vault-pass', vaultPassword);
  plantVault(dirname(lab.fleet.inventoryFile));
  lab.file('sealed.yaml', vaultText(`gamma: ${yaml(secret.vaultExtra)}\n`, vaultPassword));
  lab.file('vars.yaml', `deploy_secret: ${yaml(secret.file)}\n`);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await lab.close();
});

describe('secrets', () => {
  it('appear in nothing that a command prints or keeps', async () => {
    const path = lab.file('canaries.yaml', playbook(gate));
    const saved = join(lab.dir, 'plan.json');
    const vars = [
      '-e',
      JSON.stringify({ api_token: secret.extra, pool_token: secret.group }),
      '-e',
      `@${join(lab.dir, 'vars.yaml')}`,
      '-e',
      `@${join(lab.dir, 'sealed.yaml')}`,
      '-e',
      '@-',
    ];
    const planned = await run('plan', ['plan', path, ...vars]);
    expect(planned.exit, planned.out + planned.err).toBe(2);
    await run('plan --json', ['plan', path, ...vars, '--json']);
    await run('plan -o', ['plan', path, ...vars, '-o', saved]);
    texts.set('plan.json', readFileSync(saved, 'utf8'));

    const without = await run('apply without -e', ['apply', saved, '--yes']);
    expect(without.exit, without.err).toBe(3);
    const applied = await run('apply', ['apply', saved, '--yes', ...vars]);
    expect(applied.exit, applied.out + applied.err).toBe(0);
    const [id = ''] = lab.runs();
    await run('report', ['report', id]);
    await run('report --markdown', ['report', id, '--markdown']);
    await run('report --json', ['report', id, '--json']);
    await run('report --events', ['report', id, '--events']);
    const junit = join(lab.dir, 'junit.xml');
    await run('report --junit', ['report', id, '--junit', junit]);
    texts.set('junit.xml', readFileSync(junit, 'utf8'));
    await run('runs', ['runs']);
    expect((await run('resume', ['resume', id, '--yes', ...vars])).exit).toBe(0);
    await run('rollback', ['rollback', id, '--yes', ...vars]);
    await run('check', ['check', ...vars, '-v']);
    await run('check --json', ['check', ...vars, '--json']);
    await run('drift', ['drift', '-i', lab.fleet.inventoryFile, ...vars, '--all']);
    for (const words of [['--list'], ['--host', 'h1'], ['--graph', '--vars']])
      await run(`inventory ${words.join(' ')}`, [
        'inventory',
        '-i',
        lab.fleet.inventoryFile,
        ...vars,
        ...words,
      ]);
    const broken = lab.file(
      'broken.yaml',
      `all:\n  hosts:\n    h1: {db_password: ${yaml(secret.flow)}} ]\n`,
    );
    expect((await run('an error', ['validate', path, '-i', broken, ...vars])).exit).toBe(3);
    const live = await run('apply --json', ['apply', path, '--yes', ...vars, '--json', '-v']);
    expect(live.exit, live.out + live.err).toBe(0);

    const failed = await run('apply failing', [
      'apply',
      lab.file('failing.yaml', failing),
      '--yes',
    ]);
    expect(
      [failed.exit, failed.out.match(/hidden by no_log/g)?.length],
      failed.out + failed.err,
    ).toEqual([4, expect.any(Number)]);
    const ends = eventsOf(lab.journal(), 'host.failed').map(({ failure }) => failure.message);
    expect(ends.toSorted()).toEqual(['"(hidden by no_log)" ended with 4', '(hidden by no_log)']);
    await run('skip', ['resume', lab.runs().at(-1) ?? '', '--skip', 'h1', '--skip', 'h2', '--yes']);

    for (const file of filesBelow(lab.state)) texts.set(file, readFileSync(file, 'utf8'));
    expect(
      [...texts.keys()].filter((name) =>
        /plan\.json|settings\.json|journal\.ndjson|\.log$/.test(name),
      ).length,
    ).toBeGreaterThan(6);
    const leaks = [...texts].flatMap(([name, text]) =>
      found(text).map((what) => `${name}: ${what}`),
    );
    expect([...new Set(leaks)].slice(0, 40)).toEqual([]);
    // They were there to be found: the hosts had them.
    expect(texts.get('apply --json: stdout')).toContain('***');
  }, 180_000);

  it('are refused in a job, which would keep them, and its webhook stays unknown', async () => {
    const file = lab.file(
      'webhook',
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/Zq7canary\n`,
    );
    const install = (words: readonly string[], flags: readonly string[] = []) =>
      run('schedule', [
        'schedule',
        'install',
        'job',
        '--every',
        'daily',
        '--as',
        'cron',
        '--state-dir',
        lab.state,
        ...flags,
        '--',
        ...words,
      ]);
    const apply = ['apply', 'p.yaml', '-i', 'x,'];
    for (const words of [
      ['-e', 'db_password=Zq7canary'],
      ['-edb_password=Zq7canary'],
      ['--extra-vars={"api": {"token": "Zq7canary"}}'],
      ['-be', 'api_token=Zq7canary'],
      ['--ssh-common-args', '-o ProxyCommand="nc --password=Zq7canary"'],
    ])
      expect((await install([...apply, ...words])).exit, words.join(' ')).toBe(3);
    expect(
      (await install(apply, ['--notify-command', 'curl -H "Authorization: Bearer Zq7canary" x']))
        .exit,
    ).toBe(3);
    expect(
      (await install([...apply, '-e', '@vars.yaml', '-e', 'zone=a'], ['--notify-url-file', file]))
        .exit,
    ).toBe(0);
    await run('schedule list', ['schedule', 'list']);
    await run('schedule run', ['schedule', 'run', 'job']);
    for (const path of filesBelow(join(lab.state, 'jobs')))
      texts.set(path, readFileSync(path, 'utf8'));
    expect(
      [...texts].flatMap(([name, text]) => found(text).map((what) => `${name}: ${what}`)),
    ).toEqual([]);
    expect(notices.join('\n')).not.toContain('Zq7canary');
  }, 60_000);

  it('are never taken from the journal as stars: after a resume what rests on one is not known, and says so', async () => {
    const path = lab.file(
      'resumed.yaml',
      `- name: Resumed
  hosts: h1
  rollout: {rollback: none}
  tasks:
    - {name: Make, shell: {cmd: "echo {{ db_password | quote }}"}, register: made}
    - {name: Stop, shell: {cmd: 'test -e "$KMEND_ROOT/tmp/go"'}, idempotent: true}
    - {name: Use, shell: {cmd: 'printf %s {{ made.stdout | quote }} > "$KMEND_ROOT/tmp/used"'}}
`,
    );
    expect((await run('stopped', ['apply', path, '--yes'])).exit).toBe(4);
    const id = lab.runs().at(-1) ?? '';
    mkdirSync(join(lab.host('h1').root, 'tmp'), { recursive: true });
    writeFileSync(join(lab.host('h1').root, 'tmp/go'), '');
    const resumed = await run('resumed', ['resume', id, '--retry', 'h1', '--yes']);
    expect(resumed.out + resumed.err).toContain(
      'it held a secret, which the journal does not keep',
    );
    expect(existsSync(join(lab.host('h1').root, 'tmp/used'))).toBe(false);
  }, 60_000);
});
