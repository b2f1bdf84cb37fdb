// What the benches print: `name value unit ratio to PEER goal ok|short`. Arithmetic only, so that
// it can be tested.

/** A peer that did not run, and why. */
export const missing = (why) => ({ why });

const isMissing = (peer) => peer === undefined || (typeof peer === 'object' && 'why' in peer);

/**
 * One line for each limit of a goal. `peers` gives, by the name of the limit, a number, `{ value,
 * name }`, or `missing(why)`. A measurement that is itself missing is short against everyone.
 */
export function goalLines(key, goal, value, peers = {}, label = key) {
  if (goal === undefined) throw new Error(`goals.json has no goal ${key}`);
  return Object.entries(goal.limits).map(([limit, most]) => {
    const head = (shown) => `${label}  ${shown} ${goal.unit}`;
    if (isMissing(value))
      return `${head('-')}  - to ${limit} (kmend: ${value?.why ?? 'not measured'})  <=${most}  short`;
    const shown = head(value.toFixed(goal.digits));
    if (limit === 'absolute') return lineOf(shown, value / most, `${most} ${goal.unit}`, 1);
    const peer = peers[limit];
    if (isMissing(peer))
      return `${shown}  - to ${limit} (${peer?.why ?? 'not run'})  <=${most}  short`;
    const { value: theirs, name } =
      typeof peer === 'number'
        ? { value: peer, name: `${limit} ${peer.toFixed(goal.digits)}` }
        : peer;
    return lineOf(shown, value / theirs, name, most);
  });
}

const lineOf = (shown, ratio, peer, most) =>
  `${shown}  ${ratio.toFixed(3)} to ${peer}  <=${most}  ${ratio <= most ? 'ok' : 'short'}`;

/**
 * Lines for figures against `recorded` bounds (`{ name: { unit, bound } }`), and the names of those
 * above them. A figure that could not be taken is named, and is no regression.
 */
export function overBound(recorded, figures) {
  const lines = [];
  const over = [];
  for (const name of new Set([...Object.keys(recorded), ...Object.keys(figures)])) {
    const { unit, bound } = recorded[name] ?? { unit: '', bound: 0 };
    const value = figures[name];
    const isOver = value !== undefined && value > bound;
    if (isOver) over.push(name);
    const shown = value === undefined ? 'not measured' : `${value.toFixed(2)} ${unit}`;
    lines.push(`${name}  ${shown}  <=${bound}  ${isOver ? 'REGRESSION' : 'ok'}`);
  }
  return { lines, over };
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

/** The smallest number that so many of a hundred do not exceed (nearest rank). */
export function percentile(numbers, percent) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}

/**
 * Round trips of a command from its time without and with a delay, the TCP handshake (which a proxy
 * cannot delay) counted as one.
 */
export const roundTrips = (without, delayed, rtt) => (delayed - without) / rtt + 1;

/**
 * The peer with the smallest number, by its name. Peers that did not run do not count; with none
 * left it is missing.
 */
export function fastestOf(peers) {
  const ran = Object.entries(peers).filter(([, peer]) => !isMissing(peer));
  if (ran.length === 0) return missing('none of them ran');
  const [name, value] = ran.reduce((best, one) => (one[1] < best[1] ? one : best));
  return {
    value,
    name: `${name} ${value.toFixed(2)} (fastest of ${ran.map(([one]) => one).join(', ')})`,
  };
}
