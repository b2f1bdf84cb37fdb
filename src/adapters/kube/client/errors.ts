// What went wrong with a call, in words: no answer, a refusal of ours, a refusal by somebody else;
// each with what to do about it.
import type { Failure } from '../../../model/run/failure.ts';
import { isMapping } from '../../../model/value.ts';
import type { StatusObject } from '../objects/objects.ts';

/** What a call wanted, as RBAC names it. */
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

/** No answer came: the network, the proxy, or TLS before any HTTP. */
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
    ECONNRESET: 'the connection was cut',
    EPIPE: 'the connection was cut',
    ETIMEDOUT: 'no answer',
    EHOSTUNREACH: 'no route to it',
    ENETUNREACH: 'no route to it',
  };
  const hint =
    code === 'ENOTFOUND'
      ? 'is it the right context, and the right network (VPN)?'
      : 'is it up, and the context the right one?';
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

/** Characters of a message; more than a line or two tells nobody anything. */
const longestMessage = 1_000;

const oneLine = (text: unknown): { readonly message?: string } =>
  typeof text === 'string' ? { message: text.slice(0, longestMessage).replace(/\s+/g, ' ') } : {};

/**
 * The API's own error object, where the body is one; each text of it one line, whoever wrote it.
 */
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

/**
 * RBAC's and the authorizers' own 403; an admission webhook's or plugin's denial is another thing.
 */
export const isRightsRefusal = (status: number, body: unknown): boolean =>
  status === 403 &&
  /is forbidden: (User|system:)|cannot (get|list|watch|patch|create|delete|impersonate) /.test(
    statusOf(body).message ?? '',
  );

/**
 * The API server passes on what its store said: a lost leader, a connection that broke off ("rpc
 * error: code = Internal desc = unexpected EOF").
 */
const isOfStore = (body: unknown): boolean =>
  /^(etcdserver: |rpc error: code = )/.test(statusOf(body).message ?? '');

/**
 * Server trouble that ends by itself: restart, overload, its store. Another 500 is not: webhooks
 * and two PDBs answer so.
 */
export const isPassing = (status: number, body: unknown): boolean => {
  if ([502, 503, 504].includes(status) || (status === 500 && isOfStore(body))) return true;
  // Overload; a PDB's 429 says which budget it is about.
  return (
    status === 429 &&
    statusOf(body).details?.causes?.some((cause) => cause.reason === 'DisruptionBudget') !== true
  );
};

export const notAccepted = (who: string): Failure => ({
  kind: 'auth',
  message: `the API server does not accept our credential (401): ${who}`,
  hint: 'has it expired? log in again',
});

/** An answer that is not a success, as a failure. `who` names our credential. */
export function refusal(status: number, body: unknown, want: Want, who: string): Failure {
  const { message = '', reason } = statusOf(body);
  const detail = message === '' ? {} : { detail: message };
  if (status === 401) {
    return { ...notAccepted(who), ...detail };
  }
  if (isRightsRefusal(status, body)) {
    const hint = `grant the verb "${want.verb}" on ${want.resource}: docs/rbac.yaml has the roles`;
    return { kind: 'auth', message: `${who} may not ${wanted(want)} (403)`, hint, ...detail };
  }
  if (status === 403)
    return {
      kind: 'blocked',
      message: `${wanted(want)} was denied: ${message || 'no reason given'}`,
    };
  if (status === 404)
    return { kind: 'refused', message: `${wanted(want)}: not there (404)`, ...detail };
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
