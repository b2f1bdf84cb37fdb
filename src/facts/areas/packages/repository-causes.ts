// Causes why a repository cannot be used: output of package managers, meaning and remedies. The
// plan and the exit codes share this table.

import type { UnusableCause } from '../../../model/facts/values.ts';

export interface RepositoryCause {
  readonly name: UnusableCause;
  /** Exit status of a package script that failed for it. */
  readonly code: number;
  /** Follows "the repository ID" or "a repository". */
  readonly message: string;
  readonly hint: string;
  /** Extended regular expressions (grep -E and JavaScript). One match shows the cause. */
  readonly patterns: readonly string[];
}

const elsewhere =
  'point it to vault.centos.org (CentOS 7), to the archive of the distribution or to a mirror of your own (playbooks/repository.yaml), take a vendor of extended support, name another repository by `enablerepo`, or give the packages by `files`';

const status = (codes: string, words: string): readonly string[] => [
  `Status code: (${codes}) `,
  `HTTPS? Error (${codes})`,
  `(^|[^0-9])(${codes}) +(${words})`,
];

const curl = (codes: string): readonly string[] => [
  `Curl error \\((${codes})\\)`,
  `curl#(${codes}) `,
];

/**
 * The first match wins: a proxy also hides names, and a missing key is also reported as a missing
 * file.
 */
export const repositoryCauses = [
  {
    name: 'proxy_login',
    code: 20,
    message: 'is behind a proxy that asks for a login (HTTP 407)',
    hint: 'set `proxy_username` and `proxy_password` beside `proxy` in yum.conf or dnf.conf (apt: Acquire::http::Proxy); a repository that needs no proxy takes `proxy=_none_`',
    patterns: [...status('407', 'Proxy'), 'response 407', 'HTTP code 407'],
  },
  {
    name: 'proxy',
    code: 21,
    message: 'cannot be reached through the configured proxy',
    hint: 'check `proxy` in yum.conf, dnf.conf and the .repo files (apt: Acquire::http::Proxy) and the proxy itself; a repository that needs no proxy takes `proxy=_none_`',
    patterns: [...curl('5'), "Could(n't| not) resolve proxy"],
  },
  {
    name: 'unknown',
    code: 34,
    message: 'is not configured on this host',
    hint: 'correct `enablerepo` or `disablerepo`, or put the .repo file on the host first (playbooks/repository.yaml)',
    patterns: ['Unknown repo:', 'repository not found', 'No matching repositories for'],
  },
  {
    name: 'key',
    code: 47,
    message: 'or a package of it is not signed by a key that this host trusts',
    hint: 'import the key of the repository if it is the right one (`yum makecache` asks for it; `rpm --import`; the keyring of the sources entry); kmend does not switch the check off',
    patterns: [
      'GPG check FAILED',
      'GPG public keys',
      'GPG key retrieval failed',
      'retrieve GPG key',
      'Public key for .* is not installed',
      'NO_PUBKEY',
      'is not (correctly )?signed',
      'cannot be authenticated',
      'unauthenticated packages',
      'Signature verification failed',
      'GPG signature',
      'signature could not be verified',
      "signatures couldn't be verified",
    ],
  },
  {
    name: 'moved',
    code: 29,
    message: 'has moved, and its new place fails',
    hint: 'write the new address into its .repo file or sources entry, if it is the right one; the words of the package manager have it',
    patterns: [
      ...curl('47'),
      'redirects followed',
      'http://[^ ]*: \\[Errno 14\\] curl#(35|51|58|60|77)',
    ],
  },
  {
    name: 'forbidden',
    code: 22,
    message: 'refuses this host (HTTP 401 or 403, or its client certificate is missing)',
    hint: 'check the subscription or entitlement (`subscription-manager status`), the login in its address and the allow list of the server; a mirror of your own needs none of them',
    patterns: [
      ...curl('58'),
      ...status('401|403', 'Forbidden|Unauthorized|Authorization'),
      'X[.]509 key file',
      'set private key',
      'client certificate',
    ],
  },
  {
    name: 'expired',
    code: 23,
    message: 'has a certificate that has expired, by the clock of this host',
    hint: 'compare the clock (`date`) first; else the certificate of the server must be renewed, or use another mirror',
    patterns: [
      '[Cc]ertificate.* (has|is) expired',
      'certificate is not (yet )?valid',
      'Certificate is not yet valid',
    ],
  },
  {
    name: 'certificate',
    code: 24,
    message: 'has a certificate that this host does not trust',
    hint: "put the right CA on the host (package ca-certificates, `update-ca-trust`, or `sslcacert` of the repository; the bundle of an old el7 lacks today's CAs); kmend does not switch the check off",
    patterns: [
      ...curl('51|60|77|83'),
      '[Cc]ertificate (verif|issuer|signer)',
      'SSL certificate problem',
      'subject name',
    ],
  },
  {
    name: 'tls',
    code: 25,
    message: 'and this host agree on no TLS: that of this host may be too old',
    hint: 'update nss, curl and openssl by `files`, or use a mirror that this host can talk to (one of your own, by HTTP and with signed packages)',
    patterns: [
      'SSL connect error',
      'unsupported protocol',
      'no common encryption',
      'curl#35 .*(SSL|TLS|NSS)',
      '[Hh]andshake fail',
      'handshake failed',
    ],
  },
  {
    name: 'past',
    code: 49,
    message: 'is of a release past its end of life, whose mirrors are gone',
    hint: elsewhere,
    patterns: ['(mirrorlist|mirror)[.]centos[.]', '(does not|no longer) have a Release file'],
  },
  {
    name: 'stale',
    code: 26,
    message: 'no longer has what its index lists',
    hint: 'read the index anew on the host (`yum clean expire-cache`, `apt-get update`) and plan again',
    patterns: [
      'Status code: (404|410) for [^ ]*[.]rpm',
      '[.]rpm: \\[Errno 14\\] HTTPS? Error (404|410)',
      '[.]deb +(404|410) ',
    ],
  },
  {
    name: 'gone',
    code: 27,
    message: 'is gone from its server (HTTP 404 or 410, or the folder is not there)',
    hint: elsewhere,
    patterns: [
      ...status('404|410', 'Not Found|File not found|Gone'),
      ...curl('37|78'),
      "Couldn't (open|read) file",
      'File not found',
    ],
  },
  {
    name: 'content',
    code: 28,
    message: 'answers with something that is no repository: a login page, or the notice of a proxy',
    hint: 'open its address from the host (`curl -L ADDRESS/repodata/repomd.xml`) and correct it',
    patterns: [
      'repomd[.]xml parser error',
      'Error importing repomd',
      'Bad repomd',
      "Clearsigned file isn't valid",
    ],
  },
  {
    name: 'busy',
    code: 30,
    message: 'is out of order or overloaded for now (HTTP 429 or 5xx)',
    hint: 'try again later; if it stays so, use another mirror',
    patterns: status('429|500|502|503|504', 'Too Many|Internal|Bad Gateway|Service|Gateway'),
  },
  {
    name: 'name',
    code: 31,
    message: 'has a name that does not resolve on this host',
    hint: `check the name servers (\`getent hosts NAME\`); if the name is gone for good: ${elsewhere}`,
    patterns: [
      ...curl('6'),
      "Could(n't| not) resolve host",
      "Could not resolve '",
      'Temporary failure',
      'Name or service not known',
    ],
  },
  {
    name: 'timeout',
    code: 32,
    message: 'does not answer in time',
    hint: 'check firewall and route from the host to it, and whether a proxy is needed; or use another mirror',
    patterns: [
      ...curl('28'),
      '\\[Errno 12\\] Timeout',
      'Operation too slow',
      '[Tt]imed out',
      'did not answer within',
    ],
  },
  {
    name: 'refused',
    code: 33,
    message: 'cannot be connected to',
    hint: 'check whether its server runs, and firewall and route from the host to it; a proxy may be needed',
    patterns: [
      ...curl('7|35|52|56'),
      'Connection refused',
      'reset by peer',
      'No route to host',
      'Network is unreachable',
      'Failed (to connect|connect to)',
      '(Unable|Could not) (to )?connect',
    ],
  },
  {
    name: 'address',
    code: 35,
    message: 'has no address that could be used',
    hint: `correct its baseurl, mirrorlist or metalink; if its mirrors are gone: ${elsewhere}`,
    patterns: [
      'valid baseurl',
      'No URLs in mirrorlist',
      'Usable URL not found',
      'No valid source',
      'internal mirrorlist',
      'retrieve metalink',
    ],
  },
  {
    name: 'disabled',
    code: 19,
    message: 'is needed, and none is enabled',
    hint: elsewhere,
    patterns: ['There are no enabled repo'],
  },
  {
    name: 'unreached',
    code: 46,
    message: 'could not be used',
    hint: 'try it on the host (`yum makecache`, `apt-get update`, `zypper refresh`)',
    patterns: [
      'Cannot (retrieve|download|open)',
      'Failed to (fetch|download)',
      '[Nn]o more mirrors',
      'mirrors were( already)? tried',
      'configured repositories failed',
      'Unable to fetch',
      'Download .* failed',
    ],
  },
] as const satisfies readonly RepositoryCause[];

/**
 * Causes of the host itself, as whole sentences. They come first, because each of them also fails
 * every repository.
 */
export const hostCauses = [
  {
    name: 'full',
    message: 'no space is left on the host',
    hint: 'make room (`df -h /var / /tmp`): the package cache (`yum clean all`, `apt-get clean`), logs and old kernels are the usual places',
    patterns: [
      'No space left',
      'more space (needed|on the)',
      'not have enough free space',
      'Insufficient space',
      'Disk Requirements',
    ],
  },
  {
    name: 'read_only',
    message: 'a file system of the host is read-only',
    hint: 'the kernel makes it so after an error of the disk: read `dmesg`, and repair or replace it before anything is installed there',
    patterns: ['Read-only file system'],
  },
  {
    name: 'locked',
    message: 'another process holds the package manager',
    hint: 'wait for it to end, and plan again',
    patterns: [
      'already locked by',
      'The application with PID',
      'is held by process',
      'Could not get lock',
      'holding the yum lock',
      'copy is running as pid',
      'is locked by the application',
    ],
  },
] as const satisfies readonly Omit<RepositoryCause, 'code'>[];

const patterns: readonly { readonly name: UnusableCause; readonly pattern: RegExp }[] = [
  ...hostCauses,
  ...repositoryCauses,
].map(({ name, patterns }) => ({
  name,
  pattern: new RegExp(patterns.join('|'), 'm'),
}));

/** Is the host itself the cause, and not a repository? */
export const isOfHost = (cause: UnusableCause): boolean =>
  hostCauses.some(({ name }) => name === cause);

/** The cause that these lines show, and those lines; `undefined` for lines about other things. */
export function causeOf(lines: readonly string[]): Shown | undefined {
  for (const { name, pattern } of patterns) {
    const shown = lines.filter((one) => pattern.test(one));
    if (shown.length > 0) return { name, lines: shown };
  }
  return undefined;
}

export interface Shown {
  readonly name: UnusableCause;
  readonly lines: readonly string[];
}
