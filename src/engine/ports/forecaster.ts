// The port that estimates when a run ends, beside the run loop.
import type { Forecast } from '../../core/view/model.ts';
import type { Event } from '../../model/run/event.ts';

export interface Forecaster {
  /** Takes every entry of one run, oldest first. */
  readonly see: (event: Event) => void;
  /**
   * The newest forecast, at once, while the next one may be in the making; undefined when there is
   * none.
   */
  readonly newest: () => Forecast | undefined;
  readonly close: () => Promise<void>;
}
