// One host and its node on a virtual clock, behind the Transport and Cluster ports. It counts its
// boots, commands and uncordons by itself, and answers the engine's scripts as a real host would.
// Its probes are recorded. Its faults are chosen in advance.
import { bootScript, exitCodes } from '../../src/engine/effects/host-scripts.ts';
import type { Cluster, NodeState } from '../../src/engine/ports/cluster.ts';
import type { Clock } from '../../src/engine/ports/local.ts';
import type {
  Connection,
  ExecRequest,
  ExecResult,
  Transport,
} from '../../src/engine/ports/transport.ts';
import { buildProbe, checkWants, withPrelude } from '../../src/facts/index.ts';
import { type Failure, failed, type Outcome, ok } from '../../src/model/run/failure.ts';
import { activeProbeScript } from '../../src/modules/verify-kmem.ts';

/**
 * What a probe prints: as found, with the argument set, booted with it, and booted with it on a
 * kernel that accounts all the same.
 */
export interface Recording {
  readonly sick: string;
  /** For `check`, which reads more. */
  readonly check: string;
  readonly set: string;
  readonly remediated: string;
  readonly deaf: string;
  readonly bootIds: readonly string[];
}

export interface Fate {
  /** Of 100 commands so many lose their connection: half of them before they ran, half after. */
  readonly lossy: number;
  /** Numbers in [0, 1), one a command; used round and round. */
  readonly draws: readonly number[];
  /** Seconds that scripts run, and that a boot takes. */
  readonly scriptSeconds: number;
  readonly bootSeconds: number;
  /**
   * What a sent reboot comes to; `old`: the entry without the argument is booted; `deaf`: the
   * argument is there, and accounting is on.
   */
  readonly reboot: 'good' | 'hangs' | 'dark' | 'loops' | 'old' | 'deaf';
  readonly drain: 'good' | 'fails';
  /** Somebody uncordons the node so many seconds after its cordon. */
  readonly uncordonedAfter?: number;
}

/** Parts of the host that do not do what they should. */
export interface HostFaults {
  /** A script that is sent again runs again. */
  readonly noSpool?: boolean;
  /** The cluster reports every node as owned by the run. */
  readonly alwaysHeld?: boolean;
}

/** What a script comes to. */
export interface Ran {
  readonly seconds: number;
  readonly code: number;
  readonly stdout: string;
}

interface Spooled extends Ran {
  readonly boot: string;
  readonly endAt: number;
  readonly remediates: boolean;
  readonly code: number;
  done: boolean;
}

/** What a host's time passes by: its own count, or a clock that it shares with others. */
export interface Time {
  now: number;
  readonly spend: (milliseconds: number) => Promise<void>;
}

function ownTime(): Time {
  const time: Time = {
    now: 1_790_000_000_000,
    spend: async (milliseconds) => {
      time.now += milliseconds;
    },
  };
  return time;
}

const lost = (message: string): Failure => ({ kind: 'unreachable', message, transport: true });

const probe = buildProbe();
const checkProbe = buildProbe(checkWants);
const activeProbe = withPrelude(activeProbeScript);

/** Script of a play whose runs are counted. */
export const countedCommand = 'count-me';

export class HostWorld {
  /** Boots, the first one too; those that a broken host adds by itself are not counted. */
  boots = 1;
  counted = 0;
  /** Reboots that were sent after somebody had uncordoned the node. */
  rebootedInService = 0;
  /** Uncordons by the run, with the state of the host then. */
  readonly uncordons: { readonly remediated: boolean; readonly touched: boolean }[] = [];
  readonly #recording: Recording;
  readonly #fate: Fate;
  readonly #faults: HostFaults;
  readonly #time: Time;
  readonly #name: string;
  readonly #shell: (script: string) => Ran | undefined;
  readonly #spool = new Map<string, Spooled>();
  #argument = false;
  #inForce = false;
  #bootNumber = 1;
  #downFrom = Number.POSITIVE_INFINITY;
  #upAt = 0;
  #mark = '';
  #fence = { run: '', number: 0, open: false };
  #uses = 0;
  #unschedulable = false;
  #cordonedAt = Number.POSITIVE_INFINITY;
  #owner: NodeState['owner'];

  /**
   * `shell` says what a script of a play comes to; without it, each runs as long as the fate says
   * and ends well.
   */
  constructor(
    recording: Recording,
    fate: Fate,
    faults: HostFaults = {},
    time: Time = ownTime(),
    name = 'boot',
    shell: (script: string) => Ran | undefined = () => undefined,
  ) {
    this.#shell = shell;
    this.#recording = recording;
    this.#fate = fate;
    this.#faults = faults;
    this.#time = time;
    this.#name = name;
  }

  get now(): number {
    return this.#time.now;
  }

  set now(now: number) {
    this.#time.now = now;
  }

  get bootId(): string {
    return this.#bootIdOf(this.#bootNumber);
  }

  /** No two machines have one. */
  #bootIdOf(number: number): string {
    return `${this.#name}-${number}`;
  }

  readonly clock: Clock = {
    now: () => this.now,
    sleep: async (milliseconds, signal) => {
      if (signal?.aborted !== true) this.now += milliseconds;
    },
    yield: async () => {},
    gather: async () => {},
    random: () => 0.5,
    id: () => 'id',
  };

  /** Somebody cuts its power and gives it back: it boots, also one that hung or stayed away. */
  power(): void {
    this.#pass();
    this.#bootAt(this.now);
    this.#upAt = this.now + this.#fate.bootSeconds * 1000;
  }

  #bootAt(moment: number): void {
    this.#bootNumber += 1;
    this.boots += 1;
    this.#upAt = moment + this.#fate.bootSeconds * 1000;
    if (this.#fate.reboot === 'dark') this.#upAt = Number.POSITIVE_INFINITY;
    this.#downFrom = Number.POSITIVE_INFINITY;
    this.#mark = '';
    this.#inForce = this.#argument && this.#fate.reboot !== 'old';
  }

  /** What has come to pass until now. */
  #pass(): void {
    for (const script of this.#spool.values()) {
      if (
        script.done ||
        script.boot !== this.bootId ||
        script.endAt > Math.min(this.now, this.#downFrom)
      )
        continue;
      script.done = true;
      this.#argument ||= script.remediates;
    }
    if (this.now < this.#downFrom) return;
    this.#bootAt(this.#downFrom);
    this.#pass();
  }

  /** It runs, and its sshd would answer. */
  get isUp(): boolean {
    this.#pass();
    // A host that boots again and again is another one every 7 seconds.
    if (this.#fate.reboot === 'loops' && this.boots > 1 && this.now > this.#upAt + 7000) {
      this.#bootNumber += 1;
      this.#upAt = this.now;
    }
    return this.now >= this.#upAt;
  }

  readonly transport: Transport = {
    connect: async () => {
      await this.#time.spend(200);
      if (!this.isUp) return { ok: false, failure: lost('no answer') };
      const boot = this.bootId;
      let open = true;
      const alive = (): boolean => open && this.isUp && this.bootId === boot;
      const close = (): void => {
        open = false;
      };
      const exec: Connection['exec'] = async (request) => {
        const draw = this.#draw();
        if (!alive() || draw < this.#fate.lossy / 200) {
          close();
          return { ok: false, failure: lost('the connection was lost before the command') };
        }
        const answer = await this.#answer(request);
        if (draw > 1 - this.#fate.lossy / 200) {
          close();
          return { ok: false, failure: lost('the connection was lost after the command') };
        }
        return answer;
      };
      return ok({ exec, close, alive });
    },
    close: async () => {},
  };

  #draw(): number {
    this.#uses += 1;
    return this.#fate.draws[this.#uses % this.#fate.draws.length] ?? 0.5;
  }

  async #answer({ script, stdin = '' }: ExecRequest): Promise<Outcome<ExecResult>> {
    await this.#time.spend(100);
    const said = (stdout: string, code = 0, stderr = ''): Outcome<ExecResult> =>
      ok({ code, stdout, stderr, truncated: false });
    if (script === probe) return said(this.#probe());
    if (script === checkProbe) return said(this.#asOwn(this.#recording.check));
    if (script === activeProbe) return said('', 1, 'no group can be made here');
    if (/^id -u$/m.test(script))
      return said(`0\nwritable\nboot_id ${this.bootId}\nmachine-id of ${this.#name}\nfence \n`);
    if (script === bootScript) return said(`${this.bootId}\n${this.#mark}\n`);
    const effect = /^S=\$D\/spool\/(\S+)$/m.exec(script)?.[1] ?? '';
    if (script.includes('echo absent')) return said(await this.#poll(effect));
    // What a program of the operator's own machine is preceded by: does the run still hold the
    // host?
    const held = /^\[ "\$r" = '?([^' ]+)'? \] && \[ "\$n" -le (\d+) \]/m.exec(script);
    if (held !== null && !script.includes('"$L/escalated"'))
      return held[1] === this.#fence.run && this.#fence.number <= Number(held[2])
        ? said('')
        : said('', exitCodes.fenced, this.#fence.run);
    const [, run = '', number = '0'] = /^run='?([^' ]+)'? number=(\d+)/m.exec(script) ?? [];
    if (run === '') throw new Error(`the fake host does not know this script:\n${script}`);
    if (this.#fence.run === run && Number(number) < this.#fence.number)
      return said('', exitCodes.fenced, run);
    const takeover = /^run=.* takeover='?([^' ]*)/m.exec(script)?.[1] ?? '';
    if (this.#fence.open && this.#fence.run !== run && this.#fence.run !== takeover)
      return said('', exitCodes.fenced, this.#fence.run);
    const closes = script.includes('closed" > "$D/fence.new"');
    this.#fence = { run, number: Number(number), open: !closes };
    if (!closes && script.includes('"$S/script"')) this.#start(effect, stdin);
    if (script.includes('"$L/reboot"')) this.#reboot(script);
    return said('');
  }

  #probe(): string {
    const booted = this.#fate.reboot === 'deaf' ? this.#recording.deaf : this.#recording.remediated;
    const text = this.#inForce
      ? booted
      : this.#argument
        ? this.#recording.set
        : this.#recording.sick;
    return this.#asOwn(text);
  }

  #asOwn(text: string): string {
    return this.#recording.bootIds.reduce((said, id) => said.replaceAll(id, this.bootId), text);
  }

  #start(effect: string, script: string): void {
    if (this.#spool.has(effect) && this.#faults.noSpool !== true) return;
    if (script.includes(countedCommand)) this.counted += 1;
    const code = /^(exec )?false\b/m.test(script) ? 1 : 0;
    const ran = this.#shell(script) ?? { seconds: this.#fate.scriptSeconds, code, stdout: '' };
    const endAt = this.now + ran.seconds * 1000;
    this.#spool.set(effect, {
      ...ran,
      boot: this.bootId,
      endAt,
      remediates: script.includes('nokmem'),
      done: false,
    });
  }

  async #poll(effect: string): Promise<string> {
    const script = this.#spool.get(effect);
    if (script === undefined) return 'absent\n';
    if (!script.done && script.boot === this.bootId)
      await this.#time.spend(Math.max(0, Math.min(10_000, script.endAt - this.now)));
    this.#pass();
    if (script.done) return `done ${script.code}\n${script.stdout}`;
    return script.boot === this.bootId ? 'running\n' : 'interrupted\n';
  }

  #reboot(script: string): void {
    const effect = /"\$e \$o" != '?([^' "]+)/.exec(script)?.[1] ?? '';
    if (this.#mark === `run ${effect} ${this.bootId}`) return;
    this.#mark = `run ${effect} ${this.bootId}`;
    // The run cannot notice an uncordon in the last second before the reboot.
    if (this.#isBackSince(this.now - 1000)) this.rebootedInService += 1;
    if (this.#fate.reboot === 'hangs') return;
    this.#downFrom = Math.min(this.#downFrom, this.now + 300);
  }

  // ---- its node ----

  #node(name: string, mine: boolean): NodeState {
    this.#pass();
    // The kubelet is later than sshd.
    const current = this.now > this.#upAt + 3000;
    return {
      name,
      ready: true,
      unschedulable: mine && this.#unschedulable,
      bootId: mine ? this.#bootIdOf(current ? this.#bootNumber : this.#bootNumber - 1) : 'other',
      kernel: '3.10.0-1160.el7.x86_64',
      runtime: 'docker://18.6.1',
      kubelet: 'v1.22.17',
      labels: {},
      notReadyTaints: [],
      ...(mine && this.#owner !== undefined ? { owner: this.#owner } : {}),
      addresses: [],
    };
  }

  #isBackSince(moment: number): boolean {
    const { uncordonedAfter } = this.#fate;
    return uncordonedAfter !== undefined && moment > this.#cordonedAt + uncordonedAfter * 1000;
  }

  #isHeld(run: string): boolean {
    if (this.#isBackSince(this.now)) this.#unschedulable = false;
    return this.#unschedulable && this.#owner?.run === run;
  }

  readonly cluster: Cluster = {
    nodes: async () => ok([this.#node('n1', true), this.#node('n2', false)]),
    node: async (name) => ok(this.#node(name, name === 'n1')),
    pods: async () => ok([]),
    systemPods: async () => ok([]),
    pendingPods: async () => ok([]),
    deployments: async () => ok([]),
    forecast: async () =>
      ok({ evicts: [], leaves: [], blocks: [], busy: [], samplers: [], warnings: [], estimate: 5 }),
    cordon: async (_node, owner) => {
      await this.#time.spend(100);
      if (this.#owner === undefined) this.#cordonedAt = this.now;
      this.#owner = { run: owner.run, number: owner.number, wasUnschedulable: false };
      this.#unschedulable = true;
      return ok({ wasUnschedulable: false });
    },
    owns: async (_node, owner) =>
      this.#isHeld(owner.run) || this.#faults.alwaysHeld === true
        ? ok(true)
        : failed('blocked', 'a person uncordoned it'),
    drain: async (_node, _options, owner) => {
      await this.#time.spend(5000);
      if (!this.#isHeld(owner.run)) return failed('blocked', 'a person uncordoned it');
      if (this.#fate.drain === 'fails') return failed('timeout', 'a pod does not go');
      return ok({ evicted: [], left: [], arrived: [], crashing: [], seconds: 5 });
    },
    uncordon: async (_node, owner) => {
      await this.#time.spend(100);
      if (!this.#isHeld(owner.run)) return ok({ uncordoned: false, why: 'not ours' });
      this.#unschedulable = false;
      this.#owner = undefined;
      this.uncordons.push({
        remediated: this.#inForce && this.#fate.reboot !== 'deaf',
        touched: this.#argument || this.boots > 1,
      });
      return ok({ uncordoned: true, why: '' });
    },
    release: async () => ok(true),
    taint: async () => ok(true),
    announce: async () => ok(true),
    close: () => {},
  };
}
