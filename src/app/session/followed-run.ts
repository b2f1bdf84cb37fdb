// The view of a run while it goes on: one fold of its journal for the terminal and the metrics.

import type { RunHead, RunView } from '../../core/view/model.ts';
import { readView } from '../../core/view/read-view.ts';
import { present } from '../../model/present.ts';
import type { Event } from '../../model/run/event.ts';
import { lineOf } from '../../screens/run/lines.ts';
import type { World } from './world.ts';

export interface FollowedRun {
  /** Takes every entry of the run, the oldest first; also those before a resume. */
  readonly see: (event: Event) => void;
  /** Since when the database that has its journal does not answer; undefined = it answers. */
  readonly away: (since: number | undefined) => void;
  readonly head: () => RunHead;
  /** Without the planned curve: it would hold up the run, and no terminal draws it. */
  readonly view: () => RunView;
  readonly close: () => Promise<void>;
}

export async function followRun(world: World): Promise<FollowedRun> {
  const reader = readView(lineOf);
  const forecaster = await world.forecaster();
  let databaseAway: number | undefined;
  const context = () => ({
    holder: world.who,
    ...present({ forecast: forecaster.newest(), databaseAway }),
  });
  return {
    see: (event) => {
      reader.see(event);
      forecaster.see(event);
    },
    away: (since) => {
      databaseAway = since;
    },
    head: () => reader.head(context()),
    view: () => reader.view(context()),
    close: forecaster.close,
  };
}
