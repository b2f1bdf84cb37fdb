// Repositories that fail, with real dnf on real sshd hosts: `kmend plan` gives each its own
// message, and touches no host.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { type Operator, operator, playbook } from './operator.ts';
import { type RepositoryServer, repositoryServer } from './repository-server.ts';

const noEl7 = labMissing('el7');

interface Row {
  readonly name: string;
  /** The .repo file; none = there is none. */
  readonly repository?: (server: RepositoryServer) => string;
  readonly why: RegExp;
}

const at =
  (path: string, more = '') =>
  (server: RepositoryServer): string =>
    `baseurl=${server.http.replace('://', '://me:se1cret@')}/${path}/\n${more}`;
const to =
  (place: (server: RepositoryServer) => string) =>
  (server: RepositoryServer): string =>
    `baseurl=${server.http}/to/${encodeURIComponent(place(server))}/\n`;

const rows: readonly Row[] = [
  { name: 'no file', why: /this host has no repository at all/ },
  {
    name: 'disabled',
    repository: at('ok', 'enabled=0\n'),
    why: /all repositories of this host are disabled \(lab\)/,
  },
  {
    name: 'vanished',
    repository: at('404'),
    why: /lab is gone from its server .*\[- Status code: 404 for http:\/\/\*\*\*@127/,
  },
  {
    name: 'moved to a place that is gone',
    repository: to(({ http }) => `${http}/404/x`),
    why: /lab has moved, and its new place fails \[- Status code: 404/,
  },
  {
    name: 'moved to a name that is gone',
    repository: to(() => 'http://new.invalid/x'),
    why: /lab has moved, .*new\.invalid/,
  },
  {
    name: 'moved to TLS that is not trusted',
    repository: to(({ https }) => `${https}/ok/`),
    why: /lab has moved, .*Curl error \(60\)/,
  },
  {
    name: 'login page',
    repository: at('page'),
    why: /lab answers with something that is no repository/,
  },
  { name: 'forbidden', repository: at('403'), why: /lab refuses this host \(HTTP 401 or 403/ },
  { name: 'busy', repository: at('503'), why: /lab is out of order or overloaded for now/ },
  {
    name: 'proxy with a login',
    repository: (server) => `baseurl=http://a.invalid/\nproxy=${server.proxy}\n`,
    why: /lab is behind a proxy that asks for a login/,
  },
  {
    name: 'proxy with a login, by TLS',
    repository: (server) => `baseurl=https://a.invalid/\nproxy=${server.proxy}\n`,
    why: /lab is behind a proxy that asks for a login/,
  },
  {
    name: 'proxy that is gone',
    repository: () => 'baseurl=http://a.invalid/\nproxy=http://127.0.0.1:1\n',
    why: /lab cannot be reached through the configured proxy/,
  },
  {
    name: 'proxy without a name',
    repository: () => 'baseurl=http://a.invalid/\nproxy=http://proxy.invalid:3128\n',
    why: /lab cannot be reached through the configured proxy/,
  },
  {
    name: 'unknown CA',
    repository: ({ https }) => `baseurl=${https}/ok/\n`,
    why: /lab has a certificate that this host does not trust/,
  },
  {
    name: 'expired',
    repository: ({ expiredHttps }) => `baseurl=${expiredHttps}/ok/\nsslcacert=/etc/before.pem\n`,
    why: /lab has a certificate that has expired/,
  },
  {
    name: 'no TLS',
    repository: ({ http }) => `baseurl=${http.replace('http:', 'https:')}/ok/\n`,
    why: /lab and this host agree on no TLS/,
  },
  {
    name: 'not signed',
    repository: at('ok', 'repo_gpgcheck=1\n'),
    why: /lab or a package of it is not signed by a key that this host trusts/,
  },
  {
    name: 'unknown key',
    repository: at('signed', 'repo_gpgcheck=1\n'),
    why: /lab or a package of it is not signed by a key .*GPG signature verification error/,
  },
  {
    name: 'key that is gone',
    repository: at('signed', 'repo_gpgcheck=1\ngpgkey=file:///nowhere.asc\n'),
    why: /lab or a package of it is not signed by a key that this host trusts .*nowhere\.asc/,
  },
  {
    name: 'no name',
    repository: () => 'baseurl=http://mirror.invalid/x/\n',
    why: /lab has a name that does not resolve on this host/,
  },
  {
    name: 'list of mirrors that is gone',
    repository: ({ http }) => `mirrorlist=${http}/404/list\n`,
    why: /lab is gone from its server/,
  },
  {
    name: 'no server listens',
    repository: () => 'baseurl=http://127.0.0.1:1/x/\n',
    why: /lab cannot be connected to/,
  },
  {
    name: 'passed over',
    repository: at('404', 'skip_if_unavailable=1\n'),
    why: /lab is gone from its server .*, and was skipped \(skip_if_unavailable\)/,
  },
  { name: 'stalls', repository: at('stall'), why: /(lab|a repository) does not answer in time/ },
];

describe.skipIf(noEl7 !== '')(
  `repositories that fail, on el7 hosts with dnf (${noEl7 || 'all there'})`,
  () => {
    let lab: Lab;
    let server: RepositoryServer;
    let op: Operator;
    const hosts = rows.map((_, index) => `h${index + 1}`);
    const plan = async (words: readonly string[]) => {
      const { code, out, err } = await op.kmend(['plan', ...words, '-i', op.inventory, '--json']);
      const hosts: readonly { host: string; refused?: { why: string; hint: string } }[] =
        JSON.parse(out || `{"plays":[{"hosts":[]}]}`).plays[0].hosts;
      return { code, err, of: (name: string) => hosts.find(({ host }) => host === name) };
    };

    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: rows.length, net: '127.33' });
      server = await repositoryServer(lab.packages, lab.dir);
      const write = async ({ repository }: Row, index: number): Promise<void> => {
        const host = hosts[index] ?? '';
        const file = '/etc/yum.repos.d/lab.repo';
        const text =
          repository === undefined ? '' : `[lab]\nname=lab\ngpgcheck=0\n${repository(server)}`;
        await lab.ssh(
          host,
          `rm -f ${file}; yum -q clean all${text === '' ? '' : `; printf %s '${text}' > ${file}`}`,
        );
        if (text.includes('before.pem'))
          await lab.ssh(
            host,
            `printf %s '${readFileSync(server.expiredCertificate, 'utf8')}' > /etc/before.pem`,
          );
      };
      await Promise.all(rows.map(write));
      op = operator(hosts.map((host) => ({ name: host, lab, host })));
    });
    afterAll(async () => {
      op?.close();
      lab?.down();
      await server?.close();
    });

    it('each has its own message in the plan, with the ways out and without the login of its address', async () => {
      const boots = hosts.map((host) => lab.boots(host));
      const { code, err, of } = await plan([playbook('nokmem')]);
      expect([code, err]).toEqual([4, expect.any(String)]);
      for (const [index, { name, why }] of rows.entries()) {
        const refused = of(hosts[index] ?? '')?.refused;
        expect([name, refused?.why]).toEqual([
          name,
          expect.stringMatching(/^no enabled repository has a kernel/),
        ]);
        expect([name, refused?.why]).toEqual([name, expect.stringMatching(why)]);
        expect(refused?.hint).toMatch(/\S/);
        expect(JSON.stringify(refused)).not.toContain('se1cret');
      }
      expect(hosts.map((host) => lab.boots(host))).toEqual(boots);
    });

    it('a disabled repository is taken by enablerepo, and one that is not configured is named', async () => {
      const host = hosts[rows.findIndex(({ name }) => name === 'disabled')] ?? '';
      const play = (id: string) =>
        op.file(
          `${id}.yaml`,
          `- hosts: ${host}\n  become: true\n  tasks:\n    - package: {name: docker-ce, version: 18.09.9, enablerepo: ${id}}\n`,
        );
      expect((await plan([play('la*')])).of(host)?.refused).toBeUndefined();
      expect((await plan([play('elrepo-kernel')])).of(host)?.refused?.why).toMatch(
        /the repository elrepo-kernel is not configured on this host/,
      );
    });
  },
);
