// A named job for other schedulers: a systemd timer and service, a crontab line, a CronJob.
import type { Calendar } from '../core/rollout/cron-line.ts';

export interface JobUnits {
  readonly name: string;
  readonly calendar: Calendar;
  /** Program and arguments that run the job. */
  readonly command: readonly string[];
  /** Where relative paths of the job begin. */
  readonly directory: string;
  /** What the job does, for readers of the unit. */
  readonly what: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that end a line, or that a line cannot hold
const controls = /[\u0000-\u001f\u007f]+/g;

/** One argument of ExecStart. `%` and `$` are doubled, since they are special in systemd. */
const systemdWord = (word: string): string => {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[A-Za-z0-9_./:=@%$,+-]+$/.test(escaped)
    ? escaped
    : `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
};

/** One line of a unit; a backslash at its end would join the next line. */
function oneLine(text: string): string {
  const line = text.replace(controls, ' ');
  let end = line.length;
  while (/[\\\s]/.test(line.charAt(end - 1))) end -= 1;
  return line.slice(0, end).replaceAll('%', '%%');
}

/** Unit files and crontabs cannot have these characters in a path. */
export const fitsUnits = (path: string): boolean =>
  path.search(controls) < 0 && !/^\s|[\\\s]$/.test(path);

export interface Units {
  readonly service: string;
  readonly timer: string;
}

/**
 * After SIGTERM hosts under way come to a safe state, which may take as long as a drain. So the stop
 * timeout is long, and only kmend gets the signal. Exit codes 9 and 10 are no failures, since the
 * job runs again.
 */
export function systemdUnits(job: JobUnits): Units {
  const title = `kmend job ${job.name}`;
  return {
    service: `[Unit]
Description=${title}: ${oneLine(job.what)}
Documentation=man:systemd.timer(5)
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory=${job.directory.replaceAll('%', '%%')}
ExecStart=${job.command.map(systemdWord).join(' ')}
SuccessExitStatus=9 10
TimeoutStartSec=infinity
KillMode=mixed
TimeoutStopSec=1h
UMask=0077
`,
    timer: `[Unit]
Description=${title}: when it runs

[Timer]
OnCalendar=${job.calendar.every}
Persistent=true

[Install]
WantedBy=timers.target
`,
  };
}

const shellWord = (word: string): string =>
  /^[A-Za-z0-9_./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A crontab line, in which `%` is a line break. Undefined where cron has no such calendar. */
export function cronLine(job: JobUnits): string | undefined {
  const { cron, zone } = job.calendar;
  if (cron === undefined) return undefined;
  const command =
    `cd ${shellWord(job.directory)} && ${job.command.map(shellWord).join(' ')}`.replaceAll(
      '%',
      '\\%',
    );
  return `${zone === undefined ? '' : `CRON_TZ=${zone}\n`}${cron} ${command}`;
}

export interface CronJob {
  readonly name: string;
  readonly cron: string;
  readonly zone?: string;
  readonly namespace: string;
  /** The version of CronJob that the API server has. */
  readonly apiVersion: 'batch/v1' | 'batch/v1beta1';
  readonly image: string;
  /** Arguments of kmend in the container. */
  readonly args: readonly string[];
  /** Files by name, mounted under /etc/kmend/job. */
  readonly files: ReadonlyMap<string, string>;
  /** The secret also has the address of a webhook. */
  readonly hasWebhook: boolean;
}

export const jobFolder = '/etc/kmend/job';
/** Key, known_hosts and the address of a webhook, from the secret of the job. */
export const secretFolder = '/etc/kmend/ssh';

/** Any text as YAML: a literal block with an explicit indentation. */
const block = (text: string, by: number): string =>
  `|2${text.endsWith('\n') ? '' : '-'}\n${text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => ' '.repeat(by) + line)
    .join('\n')}`;

/** A kubeconfig with the account of the pod. */
const kubeconfig = `apiVersion: v1
kind: Config
current-context: in-cluster
clusters:
  - name: in-cluster
    cluster: {server: "https://kubernetes.default.svc", certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt}
contexts:
  - name: in-cluster
    context: {cluster: in-cluster, user: account}
users:
  - name: account
    user: {tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token}
`;

const binding = (role: string, name: string, namespace: string): string => `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: "${name}-${role}"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: kmend-${role}}
subjects: [{kind: ServiceAccount, name: "${name}", namespace: "${namespace}"}]
`;

/** A read-only role, to find out whether the pod of an earlier turn is dead. */
const podReader = (meta: string, name: string, namespace: string): string => `---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
${meta}
rules:
  - {apiGroups: [""], resources: [pods], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
${meta}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: "${name}"}
subjects: [{kind: ServiceAccount, name: "${name}", namespace: "${namespace}"}]
`;

/** Environment with the pod's names, for its locks. */
const podFields = [
  ['KMEND_POD_NAMESPACE', 'metadata.namespace'],
  ['KMEND_POD_NAME', 'metadata.name'],
  ['KMEND_POD_UID', 'metadata.uid'],
  ['KMEND_NODE_NAME', 'spec.nodeName'],
]
  .map(
    ([variable, field]) =>
      `                - {name: ${variable}, valueFrom: {fieldRef: {fieldPath: ${field}}}}`,
  )
  .join('\n');

/** The manifest, without the roles of docs/rbac.yaml and without the secret with the key. */
export function cronJobManifest(job: CronJob): string {
  const name = `kmend-${job.name}`;
  const { namespace } = job;
  const meta = `metadata: {name: "${name}", namespace: "${namespace}"}`;
  const files = [...job.files, ['kubeconfig', kubeconfig] as const].map(
    ([file, text]) => `  ${JSON.stringify(file)}: ${block(text, 4)}`,
  );
  return `# Made by \`kmend schedule install ${job.name} --as kubernetes\`. The key that logs in to the hosts comes from a secret of yours:
#   kubectl -n ${namespace} create secret generic ${name}-ssh --from-file=id=KEYFILE --from-file=known_hosts=KNOWN_HOSTS${job.hasWebhook ? ' --from-file=webhook=FILE' : ''}
apiVersion: v1
kind: ServiceAccount
${meta}
${binding('rollout', name, namespace)}${binding('forecast', name, namespace)}${podReader(meta, name, namespace)}---
apiVersion: v1
kind: PersistentVolumeClaim
${meta}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: ConfigMap
${meta}
data:
${files.join('\n')}
---
apiVersion: ${job.apiVersion}
kind: CronJob
${meta}
spec:
  schedule: ${JSON.stringify(job.cron)}
${job.zone === undefined ? '' : `  timeZone: ${JSON.stringify(job.zone)}\n`}  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 0 # the next run takes up an interrupted one; a failed rollout waits for an operator
      template:
        spec:
          serviceAccountName: "${name}"
          restartPolicy: Never
          terminationGracePeriodSeconds: 3600
          securityContext: {runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
          containers:
            - name: kmend
              image: ${JSON.stringify(job.image)}
              args: ${JSON.stringify(job.args)}
              env:
                - {name: HOME, value: /state}
                - {name: KUBECONFIG, value: ${jobFolder}/kubeconfig}
                - {name: KMEND_TRUST_FILES, value: "true"} # this container has no other user, and volumes often have the mode 0777
${podFields}
              securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
              volumeMounts:
                - {name: state, mountPath: /state}
                - {name: job, mountPath: ${jobFolder}, readOnly: true}
                - {name: ssh, mountPath: ${secretFolder}, readOnly: true}
          volumes:
            - {name: state, persistentVolumeClaim: {claimName: "${name}"}}
            - {name: job, configMap: {name: "${name}"}}
            - {name: ssh, secret: {secretName: "${name}-ssh", defaultMode: 0440}}
`;
}
