// Turns failed calls into failures with a hint: no answer, a missing right, or another refusal.
import type { Failure } from '../../../model/run/failure.ts';
import { isMapping } from '../../../model/value.ts';
import type { StatusObject } from '../objects/objects.ts';

/** What a call requested, as RBAC names it. */
export interface Want {
  readonly verb: 'get' | 'list' | 'watch' | 'patch' | 'create' | 'delete';
  /** `nodes`, `pods/eviction`, `poddisruptionbudgets.policy`. */
  readonly resource: string;
  readonly name?: string;
}

const codeOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : '';

const tls: Readonly<Record<string, readonly [string, string]>> = {
  CERT_HAS_EXPIRED: ['its certificate has expired', 'renew the certificate of the API server'],
  CERT_NOT_YET_VALID: ['its certificate is not valid yet', 'is the clock of this machine right?'],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'its certificate is for another name',
    'use the name in the certificate as the server address, or set tls-server-name',
  ],
};
const untrusted = [
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
];

/** The failure for a call without an answer: the network, the proxy or TLS failed. */
export function noAnswer(error: Error, server: string): Failure {
  const code = codeOf(error);
  const known = tls[code];
  if (known !== undefined)
    return {
      kind: 'auth',
      message: `the API server ${server} cannot be trusted: ${known[0]}`,
      hint: known[1],
    };
  if (untrusted.includes(code)) {
    const hint =
      'set certificate-authority-data of the cluster in the kubeconfig to the CA that signed it';
    return {
      kind: 'auth',
      message: `the API server ${server} cannot be trusted: its certificate is not signed by the known CA`,
      hint,
      detail: code,
    };
  }
  if (/^ERR_SSL_.*ALERT/.test(code)) {
    return {
      kind: 'auth',
      message: `the API server ${server} refused our certificate`,
      detail: error.message,
    };
  }
  if (code === 'EPROTO' || code === 'HPE_INVALID_CONSTANT') {
    return {
      kind: 'unreachable',
      message: `${server} does not speak the API server's protocol`,
      detail: error.message,
    };
  }
  if (code === 'EPROXY') return { kind: 'unreachable', message: error.message, transport: true };
  const why: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connection refused',
    ENOTFOUND: 'its name is not known',
    EAI_AGAIN: 'its name cannot be looked up now',
    ECONNRESET: 'the connection was lost',
    EPIPE: 'the connection was lost',
    ETIMEDOUT: 'no answer',
    EHOSTUNREACH: 'no route to it',
    ENETUNREACH: 'no route to it',
  };
  const hint =
    code === 'ENOTFOUND'
      ? 'is it the right context, and the right network (VPN)?'
      : 'is it running, and is it the right context?';
  return {
    kind: 'unreachable',
    message: `the API server ${server} cannot be reached: ${why[code] ?? error.message}`,
    hint,
    transport: true,
    ...(code === '' ? {} : { detail: code }),
  };
}

const wanted = ({ verb, resource, name }: Want): string =>
  `${verb} ${resource}${name === undefined ? '' : ` ${name}`}`;

/** Characters of a message: a line or two. */
const longestMessage = 1_000;

const oneLine = (text: unknown): { readonly message?: string } =>
  typeof text === 'string' ? { message: text.slice(0, longestMessage).replace(/\s+/g, ' ') } : {};

/** The API's error object, if the body is one. Each of its texts becomes one line. */
export function statusOf(body: unknown): StatusObject {
  if (!isMapping(body) || body.kind !== 'Status') return {};
  const { message, reason, details } = body;
  const causes =
    isMapping(details) && Array.isArray(details.causes) ? details.causes.filter(isMapping) : [];
  return {
    ...oneLine(message),
    ...(typeof reason === 'string' ? { reason: reason.slice(0, 100) } : {}),
    details: {
      causes: causes.map((cause) => ({ reason: String(cause.reason), ...oneLine(cause.message) })),
    },
  };
}

/** A 403 of RBAC or another authorizer, not of an admission webhook or plugin. */
export const isRightsRefusal = (status: number, body: unknown): boolean =>
  status === 403 &&
  /is forbidden: (User|system:)|cannot (get|list|watch|patch|create|delete|impersonate) /.test(
    statusOf(body).message ?? '',
  );

/**
 * An error of the store that the API server passes on, such as a lost leader or connection ("rpc
 * error: code = Internal desc = unexpected EOF").
 */
const isOfStore = (body: unknown): boolean =>
  /^(etcdserver: |rpc error: code = )/.test(statusOf(body).message ?? '');

/**
 * A server error that passes: a restart, an overload or an error of its store. Webhooks and two
 * PDBs also answer 500, but permanently.
 */
export const isPassing = (status: number, body: unknown): boolean => {
  if ([502, 503, 504].includes(status) || (status === 500 && isOfStore(body))) return true;
  // An overload. The 429 of a PDB names the budget.
  return (
    status === 429 &&
    statusOf(body).details?.causes?.some((cause) => cause.reason === 'DisruptionBudget') !== true
  );
};

export const notAccepted = (account: string): Failure => ({
  kind: 'auth',
  message: `the API server does not accept our credential (401): ${account}`,
  hint: 'has it expired? log in again',
});

/** The failure for an answer that is not a success. `account` names our credential. */
export function refusal(status: number, body: unknown, want: Want, account: string): Failure {
  const { message = '', reason } = statusOf(body);
  const detail = message === '' ? {} : { detail: message };
  if (status === 401) {
    return { ...notAccepted(account), ...detail };
  }
  if (isRightsRefusal(status, body)) {
    const hint = `grant the verb "${want.verb}" on ${want.resource}: docs/rbac.yaml has the roles`;
    return { kind: 'auth', message: `${account} may not ${wanted(want)} (403)`, hint, ...detail };
  }
  if (status === 403)
    return {
      kind: 'blocked',
      message: `${wanted(want)} was denied: ${message || 'no reason given'}`,
    };
  if (status === 404)
    return { kind: 'refused', message: `${wanted(want)}: not found (404)`, ...detail };
  if (status === 409)
    return { kind: 'drift', message: `${wanted(want)}: changed meanwhile (409)`, ...detail };
  if (isPassing(status, body)) {
    return {
      kind: 'unreachable',
      message: `the API server cannot answer now (${status}): ${wanted(want)}`,
      transport: true,
      ...detail,
    };
  }
  return {
    kind: 'blocked',
    message: `${wanted(want)} failed (${status}${reason === undefined ? '' : ` ${reason}`}): ${message || 'no reason given'}`,
  };
}
