// A run whose hosts are at sites: its leader reaches none of them, and workers there do the work. Each
// of them dies at every moment, and nothing is done twice.
import { beforeAll, describe, expect, it } from 'vitest';
import { HandedOver } from '../../src/engine/hand-over.ts';
import type { Event } from '../../src/model/run/event.ts';
import type { Recording } from '../fakes/host-world.ts';
import { recordHost } from '../fakes/recording.ts';
import { isOf, type SitesLab, sitesLab } from './sites-lab.ts';

let recording: Recording;
beforeAll(async () => {
  recording = await recordHost();
});

const oneHost = { h1: 'fra' };

/** The run ended once and well; each host booted once more, and its command ran once. */
function expectWhole({ worlds, events }: SitesLab): void {
  expect(events('run.finished')).toMatchObject([{ exit: 0 }]);
  expect(events('host.failed')).toEqual([]);
  for (const [name, world] of worlds)
    expect([name, world.boots, world.counted]).toEqual([name, 2, 1]);
}

const typeOf = (event: Event): string =>
  `${event.type}${'kind' in event ? ` ${String(event.kind)}` : ''}`;

describe('a run with hosts at two sites', () => {
  it('is led without a way to any host, and each site does its own', async () => {
    const lab = await sitesLab(recording, { h1: 'fra', h2: 'fra', h3: 'ber' });
    lab.worker('fra');
    lab.worker('ber');
    const { exit } = await lab.clock.drive(lab.lead().ended);
    expect(exit).toBe(0);
    expectWhole(lab);
    expect(lab.shared.rows).toEqual([]);
  });

  it('says of a site without a worker why it waits, does the others, and goes on when one comes', async () => {
    const lab = await sitesLab(recording, { h1: 'fra', h2: 'ber' }, { rollout: '{}' });
    lab.worker('ber');
    lab.worker('fra', { ready: false, why: 'this machine cannot log in to h1' });
    const led = lab.lead();
    await lab.clock.drive(lab.event(isOf('host.done', 'h2')));
    await lab.clock.drive(lab.clock.sleep(30_000));
    expect(lab.events('host.started')).toHaveLength(1);
    expect(lab.events('waiting').at(-1)).toMatchObject({
      why: expect.stringMatching(
        /^no worker of site fra is ready \(m\d: this machine cannot log in to h1\)$/,
      ),
    });
    lab.worker('fra');
    await lab.clock.drive(led.ended);
    expectWhole(lab);
  });
});

describe('a worker of a site', () => {
  it('is killed at each entry of a walk: another one goes on, and nothing is done twice', async () => {
    const whole = await sitesLab(recording, oneHost);
    whole.worker('fra');
    await whole.clock.drive(whole.lead().ended);
    const walk = whole.shared.events.filter(
      (event) => 'host' in event && event.type !== 'host.started',
    );
    expect(walk.length).toBeGreaterThan(10);
    for (const at of walk.keys()) {
      const lab = await sitesLab(recording, oneHost);
      const first = lab.worker('fra');
      const led = lab.lead();
      const seen = await lab.clock.drive(
        lab.event(
          () =>
            lab.shared.events.filter((event) => 'host' in event && event.type !== 'host.started')
              .length > at,
        ),
      );
      expect(seen).toBeDefined();
      lab.shared.kill(first.process);
      const second = lab.worker('fra');
      await lab.clock.drive(led.ended);
      const where = typeOf(walk[at] as Event);
      expect([where, second.errors]).toEqual([where, []]);
      expectWhole(lab);
    }
  }, 120_000);

  it('has a greater number than the one before it, which does nothing any more', async () => {
    const lab = await sitesLab(recording, oneHost);
    const first = lab.worker('fra');
    const led = lab.lead();
    await lab.clock.drive(lab.event(isOf('effect.started')));
    const [before] = lab.shared.rows.map(({ number }) => number);
    lab.shared.kill(first.process);
    lab.worker('fra');
    await lab.clock.drive(lab.event(isOf('effect.done')));
    const [after] = lab.shared.rows.map(({ number }) => number);
    expect(after).toBeGreaterThan(before ?? 0);
    await lab.clock.drive(led.ended);
    expectWhole(lab);
  });

  it('that is asked to end finishes its step and leaves the host to another one', async () => {
    const lab = await sitesLab(recording, oneHost);
    const stop = new AbortController();
    const first = lab.worker('fra', { stop: stop.signal });
    const led = lab.lead();
    await lab.clock.drive(lab.event(isOf('effect.started')));
    stop.abort();
    await lab.clock.drive(first.ended);
    expect(lab.events('effect.done')).toHaveLength(1);
    expect(lab.shared.rows).toMatchObject([{ ended: false }]);
    lab.worker('fra');
    await lab.clock.drive(led.ended);
    expectWhole(lab);
  });

  it('that is asked to end at once leaves the host as it is', async () => {
    const lab = await sitesLab(recording, oneHost);
    const [stop, kill] = [new AbortController(), new AbortController()];
    const first = lab.worker('fra', { stop: stop.signal, kill: kill.signal });
    const led = lab.lead();
    await lab.clock.drive(lab.event(isOf('effect.started')));
    stop.abort();
    kill.abort();
    await lab.clock.drive(first.ended);
    expect([lab.events('effect.done'), first.errors]).toEqual([[], []]);
    lab.worker('fra');
    await lab.clock.drive(led.ended);
    expectWhole(lab);
  });

  it('leaves the host that is its own machine, where another machine is ready', async () => {
    const lab = await sitesLab(recording, oneHost);
    lab.worker('fra', { bootId: 'h1-1' });
    lab.worker('fra', { bootId: 'another' });
    await lab.clock.drive(lab.lead().ended);
    expectWhole(lab);
    const alone = await sitesLab(recording, oneHost);
    alone.worker('fra', { bootId: 'h1-1' });
    await alone.clock.drive(alone.lead().ended);
    expect(alone.events('host.failed')).toMatchObject([{ failure: { kind: 'refused' } }]);
    expect(alone.worlds.get('h1')?.boots).toBe(1);
  });

  it('ends a host whose deadline is over, as a timeout', async () => {
    const lab = await sitesLab(recording, oneHost, {
      rollout: '{deadline: {host: 60s}}',
      fate: { reboot: 'dark' },
    });
    lab.worker('fra');
    const { exit } = await lab.clock.drive(lab.lead().ended);
    expect(exit).toBe(4);
    expect(lab.events('host.failed')).toMatchObject([{ failure: { kind: 'timeout' } }]);
  });

  it('that is gone fails no host, however long its site has no other', async () => {
    const lab = await sitesLab(recording, oneHost, { rollout: '{deadline: {host: 120s}}' });
    const first = lab.worker('fra');
    const led = lab.lead();
    await lab.clock.drive(lab.event(isOf('effect.started')));
    lab.shared.kill(first.process);
    await lab.clock.drive(lab.clock.sleep(3_600_000));
    lab.worker('fra');
    await lab.clock.drive(led.ended);
    expectWhole(lab);
  });
});

describe('a leader of hosts at sites', () => {
  it('is killed at each entry: the walk goes on, and the next one ends the run once', async () => {
    const whole = await sitesLab(recording, oneHost);
    whole.worker('fra');
    await whole.clock.drive(whole.lead().ended);
    const entries = whole.shared.events.length;
    for (let at = 3; at < entries - 1; at += 1) {
      const lab = await sitesLab(recording, oneHost);
      lab.worker('fra');
      const first = lab.lead();
      await lab.clock.drive(lab.event(() => lab.shared.events.length > at));
      lab.shared.kill(first.process);
      if (lab.events('run.finished').length > 0) continue;
      const before = lab.shared.events.length;
      await lab.clock.drive(lab.clock.sleep(20_000));
      const where = typeOf(whole.shared.events[at] as Event);
      const walking = at > 6 && at < entries - 4;
      if (walking) expect([where, lab.shared.events.length > before]).toEqual([where, true]);
      await lab.clock.drive(lab.lead().ended);
      expectWhole(lab);
    }
  }, 120_000);

  it('hands the run over at once, while the walk goes on', async () => {
    const lab = await sitesLab(recording, oneHost);
    lab.worker('fra');
    const stop = new AbortController();
    const first = lab.lead({ stop: stop.signal, othersElsewhere: async () => true });
    await lab.clock.drive(lab.event(isOf('effect.started')));
    const asked = lab.clock.now();
    stop.abort('SIGTERM');
    await expect(lab.clock.drive(first.ended)).rejects.toBeInstanceOf(HandedOver);
    expect(lab.clock.now() - asked).toBeLessThan(1_500);
    expect(lab.events('effect.done')).toEqual([]);
    await lab.clock.drive(lab.lead().ended);
    expectWhole(lab);
  });

  it('starts not one host more by a decision before a failure that it has not seen', async () => {
    const lab = await sitesLab(
      recording,
      { h1: 'fra', h2: 'fra' },
      { rollout: '{brake: {failures: 0}}' },
    );
    lab.worker('fra');
    let between = 0;
    lab.shared.beforeDecided = (body) => {
      if (body.type !== 'host.started' || body.host !== 'h2') return;
      between += 1;
      lab.shared.add({
        type: 'host.failed',
        host: 'h1',
        failure: { kind: 'not_verified', message: 'it failed at its site' },
        touched: true,
        state: 'in service',
      });
    };
    const led = lab.lead();
    await lab.clock.drive(led.ended);
    expect(between).toBe(1);
    expect(lab.events('host.started').map((event) => 'host' in event && event.host)).toEqual([
      'h1',
    ]);
    expect(lab.events('brake.tripped')).toHaveLength(1);
    // The slot of the host that was not started is free again.
    expect([...lab.slots.files.values()].map(({ host }) => host)).toEqual(['h1']);
  });

  it('ends by the second signal also a host that no worker has', async () => {
    const lab = await sitesLab(recording, oneHost);
    const first = lab.worker('fra');
    const [stop, kill] = [new AbortController(), new AbortController()];
    const led = lab.lead({ stop: stop.signal, kill: kill.signal });
    await lab.clock.drive(lab.event(isOf('effect.started')));
    lab.shared.kill(first.process);
    stop.abort('SIGINT');
    kill.abort('SIGINT');
    const { exit } = await lab.clock.drive(led.ended);
    expect(exit).toBe(130);
    expect(lab.events('host.failed')).toMatchObject([
      { failure: { kind: 'interrupted', resumable: true } },
    ]);
  });
});
