// Ticks of axes, and the widths of charts.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

const minute = 60_000;
const hour = 60 * minute;
const timeSteps = [
  1000,
  2000,
  5000,
  10_000,
  15_000,
  30_000,
  minute,
  2 * minute,
  5 * minute,
  10 * minute,
  15 * minute,
  30 * minute,
  hour,
  2 * hour,
  3 * hour,
  6 * hour,
  12 * hour,
  24 * hour,
  48 * hour,
  168 * hour,
];

/** Multiples of a round step, from 0 to `span`, at most `most` of them. */
function ticks(span: number, step: number): readonly number[] {
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => index * step);
}

/** Milliseconds since the start. */
export const timeTicks = (span: number, most: number): readonly number[] =>
  ticks(span, timeSteps.find((step) => span / step <= most) ?? span);

/** Whole numbers from 0, and `top` itself. */
export function countTicks(top: number, most: number): readonly number[] {
  const rough = Math.max(1, top / most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const whole = Math.max(1, step);
  return [...ticks(top, whole).filter((tick) => top - tick > whole * 0.5), Math.round(top)];
}

/** The width that an element has, measured again when that changes. */
export function useWidth<E extends HTMLElement>(): readonly [{ current: E | null }, number] {
  const box = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const measure = (): void => setWidth(Math.floor(element.clientWidth));
    const watch = new ResizeObserver(measure);
    watch.observe(element);
    measure();
    return () => watch.disconnect();
  }, []);
  return [box, width];
}
