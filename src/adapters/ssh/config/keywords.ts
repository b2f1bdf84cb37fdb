// What each keyword of ssh_config means for kmend: used, refused, reported, or without effect.

/** One setting of a host. */
export interface Setting {
  readonly keyword: string;
  /** As it is written, for messages. */
  readonly written: string;
  readonly values: readonly string[];
  /** `FILE:LINE`, or what else it comes from. */
  readonly place: string;
}

/** Settings of one host by lower-case keyword. IdentityFile and CertificateFile add up. */
export type Settings = ReadonlyMap<string, Setting>;

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

const used = words(`
  addressfamily bindaddress certificatefile connecttimeout globalknownhostsfile hashknownhosts hostkeyalias hostname
  identitiesonly identityagent identityfile kbdinteractiveauthentication passwordauthentication port
  preferredauthentications proxycommand proxyjump pubkeyauthentication stricthostkeychecking user
  userknownhostsfile
`);

/**
 * They change the way to the host, who it is or who logs in, and kmend cannot do it: each with the
 * values that change nothing.
 */
const refused: ReadonlyMap<string, RegExp> = new Map(
  Object.entries({
    bindinterface: /^$/,
    forkafterauthentication: /^(?:no|false)$/i,
    knownhostscommand: /^none$/i,
    pkcs11provider: /^none$/i,
    proxyusefdpass: /^(?:no|false)$/i,
    remotecommand: /^none$/i,
    revokedhostkeys: /^none$/i,
    sessiontype: /^default$/i,
    stdinnull: /^(?:no|false)$/i,
  }),
);

/** They choose algorithms. kmend has lists of its own, which `legacy_crypto` extends. */
const algorithms = words(`
  casignaturealgorithms ciphers hostkeyalgorithms kexalgorithms macs pubkeyacceptedalgorithms
  pubkeyacceptedkeytypes requiredrsasize
`);

/**
 * They lead nowhere else: forwarding, the client itself, methods that kmend does not have beside
 * those that it has, checks that kmend makes anyway, and what OpenSSH no longer reads.
 */
const withoutEffect = words(`
  addkeystoagent batchmode canonicaldomains canonicalizefallbacklocal canonicalizehostname
  canonicalizemaxdots canonicalizepermittedcnames challengeresponseauthentication channeltimeout
  checkhostip cipher clearallforwardings compression compressionlevel connectionattempts
  controlmaster controlpath controlpersist dsaauthentication dynamicforward enableescapecommandline
  enablesshkeysign escapechar exitonforwardfailure fallbacktorsh fingerprinthash forwardagent
  forwardx11 forwardx11timeout forwardx11trusted gatewayports globalknownhostsfile2
  gssapiauthentication gssapiclientidentity gssapidelegatecredentials gssapikexalgorithms
  gssapikeyexchange gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns
  hostbasedacceptedalgorithms hostbasedauthentication hostbasedkeytypes ignoreunknown ipqos
  kbdinteractivedevices keepalive localcommand localforward loglevel logverbose
  nohostauthenticationforlocalhost numberofpasswordprompts obscurekeystroketiming
  permitlocalcommand permitremoteopen protocol protocolkeepalives rekeylimit
  remoteforward requesttty rhostsauthentication rhostsrsaauthentication rsaauthentication
  securitykeyprovider sendenv serveralivecountmax serveraliveinterval setenv setuptimeout
  skeyauthentication smartcarddevice streamlocalbindmask streamlocalbindunlink syslogfacility tag
  tcpkeepalive tunnel tunneldevice updatehostkeys useprivilegedport useroaming usersh
  userknownhostsfile2 verifyhostkeydns versionaddendum visualhostkey xauthlocation
`);

/** `RefuseConnection` says itself why a host is not to be reached. */
const saysNo = 'refuseconnection';

/** True: the setting decides nothing that kmend does. */
export const isIdle = (keyword: string): boolean =>
  algorithms.has(keyword) || withoutEffect.has(keyword);

/** True: it chooses algorithms, which kmend does not follow. */
export const isPolicy = (keyword: string): boolean => algorithms.has(keyword);

/** Why a host with this setting cannot be reached as OpenSSH would. Undefined: it can. */
export function refusalOf({ keyword, values, written, place }: Setting): string | undefined {
  const value = values.join(' ');
  if (keyword === saysNo) return `${place}: ${written}: ${value}`;
  const harmless = refused.get(keyword);
  if (harmless !== undefined)
    return harmless.test(value)
      ? undefined
      : `${place}: ${written} is not supported, and without it another way or login could be taken`;
  if (used.has(keyword) || isIdle(keyword)) return undefined;
  return `${place}: ${written} is not an option that kmend knows`;
}
