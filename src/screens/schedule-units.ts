// A named job as other schedulers want it: systemd timer and service, a line for crontab, a CronJob
// for Kubernetes.
import type { Calendar } from '../core/rollout/cron-line.ts';

export interface JobUnits {
  readonly name: string;
  readonly calendar: Calendar;
  /** Program and arguments that run the job. */
  readonly command: readonly string[];
  /** Where relative paths of the job begin. */
  readonly directory: string;
  /** For a person who reads the unit: what the job does. */
  readonly what: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that end a line, or that a line cannot hold
const controls = /[\u0000-\u001f\u007f]+/g;

/**
 * One word of ExecStart: specifiers and variables are systemd's own, so `%` and `$` are doubled.
 */
const systemdWord = (word: string): string => {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[A-Za-z0-9_./:=@%$,+-]+$/.test(escaped)
    ? escaped
    : `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
};

/** A backslash at the end of a line would take the next line into it. */
function oneLine(text: string): string {
  const line = text.replace(controls, ' ');
  let end = line.length;
  while (/[\\\s]/.test(line.charAt(end - 1))) end -= 1;
  return line.slice(0, end).replaceAll('%', '%%');
}

/**
 * Unit files and crontabs have a line for each path, and no way to write these characters in it.
 */
export const fitsUnits = (path: string): boolean =>
  path.search(controls) < 0 && !/^\s|[\\\s]$/.test(path);

export interface Units {
  readonly service: string;
  readonly timer: string;
}

/**
 * SIGTERM lets the hosts under way come to a safe state, which may take as long as a drain: hence
 * the long stop timeout, and the signal goes to kmend alone. 9 and 10 (outside the window, a gate
 * is closed) are no failures of a job that comes again.
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

/** In a crontab `%` is a line break. Absent where cron cannot say when. */
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
  /** Of the CronJob: what its API server knows. */
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

/** YAML that holds whatever the text is: a literal block with its indentation said. */
const block = (text: string, by: number): string =>
  `|2${text.endsWith('\n') ? '' : '-'}\n${text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => ' '.repeat(by) + line)
    .join('\n')}`;

/** The account of the pod, without anything of a person's own in it. */
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

/** Read only: whether the pod of an earlier turn, which holds a lock, is dead. */
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

/** The pod, as the locks that it takes name it. */
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

/**
 * Everything but the two roles (docs/rbac.yaml, put before it) and the secret with the key, which
 * no manifest should hold.
 */
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
      backoffLimit: 0 # the next run takes up an interrupted one; a failed rollout waits for a person
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
                - {name: KMEND_TRUST_FILES, value: "true"} # nobody else is in this container, and volumes often have the mode 0777
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
