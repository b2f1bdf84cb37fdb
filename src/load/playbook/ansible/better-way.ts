// Tasks that are known from many playbooks and for which kmend has a module of its own, which is
// planned and proven where a shell or a changed file is not.
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import type { Entry, Tree } from '../../text/tree.ts';

/** What a known task is for. `kmend import` rewrites a task by it. */
export type Way =
  | 'drain'
  | 'uncordon'
  | 'cordon'
  | 'ready'
  | 'boot_argument'
  | 'boot_menu'
  | 'cmdline'
  | 'runtime'
  | 'kernel'
  | 'reboot';

interface Known {
  readonly way: Way;
  readonly modules: readonly string[];
  readonly is: (text: Text) => boolean;
  readonly hint: string;
}

interface Text {
  readonly whole: string;
  /** Without paths, options and punctuation. */
  readonly words: ReadonlySet<string>;
}

const shells = ['command', 'shell', 'raw', 'script'];
const editors = ['lineinfile', 'replace', 'blockinfile', 'copy', 'template', 'ini_file'];
const managers = ['apt', 'yum', 'dnf', 'dnf5', 'zypper'];
const runtimes = ['docker', 'docker-ce', 'docker-ce-cli', 'containerd.io'];

const has =
  (...names: readonly string[]) =>
  ({ words }: Text): boolean =>
    names.some((name) => words.has(name));

const kubectl =
  (verb: string) =>
  (text: Text): boolean =>
    has('kubectl', 'oc')(text) && text.words.has(verb);

/** Also with a version (`docker-ce-18.09.9`, `docker-ce=18.09.9`), and behind `name=`. */
const namesRuntime = (word: string): boolean =>
  word.split('=').some((part) => {
    const at = part.search(/-[\d{]/);
    return runtimes.includes(at < 0 ? part : part.slice(0, at));
  });

const known: readonly Known[] = [
  {
    way: 'drain',
    modules: shells,
    is: kubectl('drain'),
    hint: 'use `drain: {}`: it has the options of `kubectl drain`, the plan knows the budgets before, and a later failure is seen',
  },
  {
    way: 'uncordon',
    modules: shells,
    is: kubectl('uncordon'),
    hint: 'use `uncordon: {}`: it leaves a node cordoned that was cordoned before, or whose proof failed',
  },
  {
    way: 'cordon',
    modules: shells,
    is: kubectl('cordon'),
    hint: '`drain: {}` cordons the node, and `uncordon: {}` returns it to service',
  },
  {
    way: 'ready',
    modules: shells,
    is: (text) =>
      (kubectl('get')(text) || kubectl('wait')(text)) &&
      /\bnodes?\b/.test(text.whole) &&
      /ready/i.test(text.whole),
    hint: 'leave this out where a `reboot` stands before it: it waits until the node is Ready in the new boot',
  },
  {
    way: 'boot_argument',
    modules: [...shells, ...editors],
    is: ({ whole }) => whole.includes('GRUB_CMDLINE') || whole.includes('/etc/default/grub'),
    hint: 'use `kernel_arg: {key: NAME, value: VALUE}`: it changes all boot entries and those of later kernels, checks them, and can be rolled back',
  },
  {
    way: 'boot_menu',
    modules: shells,
    is: has('grubby', 'grub2-mkconfig', 'update-grub', 'grub-mkconfig'),
    hint: 'use `kernel_arg` for an argument, or `kernel` for the kernel that boots next: both are checked and can be rolled back',
  },
  {
    way: 'cmdline',
    modules: [...shells, 'slurp'],
    is: ({ whole }) => whole.includes('/proc/cmdline'),
    hint: '`boot.cmdline` is a fact; `verify_kmem: {state: disabled}` proves that accounting is off, which an argument alone does not',
  },
  {
    way: 'runtime',
    modules: managers,
    is: ({ words }) => [...words].some(namesRuntime),
    hint: 'use `container_runtime: {versions: {docker-ce: VERSION}}`: it moves the packages that belong together, and knows which of them account',
  },
  {
    way: 'kernel',
    modules: managers,
    is: ({ words }) => [...words].some((word) => /^(?:name=)?kernel(?:-[\d{]|$)/.test(word)),
    hint: '`kernel: {min: VERSION}` also makes it boot next, and can be rolled back',
  },
  {
    way: 'reboot',
    modules: shells,
    is: ({ whole }) =>
      whole
        .split(/[;&|\n]/)
        .some((part) =>
          /^\s*(?:sudo )?(?:\/(?:usr\/)?s?bin\/)?(?:reboot|systemctl reboot|init 6|shutdown -\w*r)(?:\s|$)/.test(
            part,
          ),
        ),
    hint: 'use `reboot: {}`: it waits for the new boot, and knows it by its id',
  },
];

/** The better way of kmend for this task of Ansible, if it is one of the known ones. */
export const betterWay = (entry: Entry): string | undefined => knownTask(entry)?.hint;

export const wayOf = (entry: Entry): Way | undefined => knownTask(entry)?.way;

function knownTask({ key, value }: Entry): Known | undefined {
  const module = key.slice(key.lastIndexOf('.') + 1);
  const rows = known.filter(({ modules }) => modules.includes(module));
  if (rows.length === 0) return undefined;
  const whole = textsOf(value).join('\n');
  const words = new Set(whole.split(/[^\w.={}+-]+/));
  return rows.find(({ is }) => is({ whole, words }));
}

/** A note at a task that works as it is written. */
export function noteBetterWay(collector: DiagnosticsCollector, entry: Entry): void {
  const hint = betterWay(entry);
  if (hint !== undefined)
    collector.note(
      entry.keyAt,
      'better-module',
      `kmend has a module for what this \`${entry.key}\` does`,
      { hint },
    );
}

const textsOf = (tree: Tree): readonly string[] =>
  tree.kind === 'scalar'
    ? [tree.text]
    : tree.kind === 'list'
      ? tree.items.flatMap(textsOf)
      : tree.entries.flatMap(({ value }) => textsOf(value));
