// Output of a command before and after its ready mark: bounded, and searched once, in chunks of any
// size.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOutput, type Output } from '../../src/adapters/ssh/exec/output.ts';

const mark = 'kmend-0123456789ab-cdef01234567';
const mebibyte = 1024 * 1024;
const fresh = (limit = 4 * mebibyte): Output => createOutput({ mark, limit, terminal: false });

/**
 * Feeds the same chunk up to this many bytes. Returns how many were taken before the limit was
 * noticed.
 */
function flood(output: Output, piece: string, bytes: number): number {
  const chunk = Buffer.from(piece);
  for (let came = 0; came < bytes; came += chunk.length) {
    output.feed(chunk);
    if (output.flooded()) return came;
  }
  return bytes;
}

describe('a host that sends without end', () => {
  it.each<[string, string, string, number]>([
    ['before the mark', '', 'A'.repeat(1000), 256 * 1024],
    ['lines before the mark', '', 'noise\n', 256 * 1024],
    ['the halves of a mark', '', mark.slice(0, -1), 256 * 1024],
    ['the mark without the end of its line', mark, '4', 64],
    ['after the mark', `${mark} 1\n`, 'B'.repeat(64 * 1024), 64 * mebibyte],
  ])('is cut off: %s', (_name, head, piece, most) => {
    const output = fresh();
    output.feed(Buffer.from(head));
    const taken = flood(output, piece, 2 * most + 10_000);
    expect(taken).toBeLessThanOrEqual(most + piece.length);
    expect(output.text().length).toBeLessThanOrEqual(4 * mebibyte);
    expect(output.before().length).toBeLessThanOrEqual(32 * 1024);
    const before = output.text().length;
    output.feed(Buffer.from('more'));
    expect(output.text()).toHaveLength(before);
  });

  it('passes on no more lines than it keeps', () => {
    let handed = 0;
    const onLine = (line: string): void => {
      handed += line.length + 1;
    };
    const output = createOutput({ mark, limit: 1000, terminal: false, onLine });
    output.feed(Buffer.from(`${mark} 1\n`));
    flood(output, 'a line\n', mebibyte);
    output.end();
    expect(handed).toBeLessThanOrEqual(1001);
    expect([output.text().length, output.truncated()]).toEqual([1000, true]);
  });

  it('costs linear time: twice as many bytes take at most three times as long', () => {
    const seconds = (bytes: number): number => {
      const output = fresh();
      const before = process.cpuUsage();
      flood(output, 'x', bytes);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    seconds(50_000);
    const best = (bytes: number): number => Math.min(...[1, 2, 3].map(() => seconds(bytes)));
    expect(best(240_000) / best(120_000)).toBeLessThan(3);
  });
});

describe('output in chunks of any size', () => {
  it('gives the same noise, process id and text', () => {
    const bytes = fc.string({ unit: 'binary', maxLength: 200 });
    fc.assert(
      fc.property(
        bytes,
        bytes,
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
        (noise, text, sizes) => {
          const all = Buffer.from(`${noise}${mark} 4711\n${text}`);
          const output = fresh();
          for (let at = 0, turn = 0; at < all.length; turn++) {
            const size = sizes[turn % sizes.length] ?? 1;
            output.feed(all.subarray(at, at + size));
            at += size;
          }
          expect([output.started(), output.tail(), output.text()]).toEqual([true, '4711', text]);
          expect(output.before()).toBe(noise.replaceAll('\r\n', '\n'));
        },
      ),
    );
  });
});
