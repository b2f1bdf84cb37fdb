// Checksums of text in plain arithmetic: this room uses nothing of Node. For names and comparisons, not for secrets.

import { fail } from '../errors.ts';
import { spend } from '../meter.ts';

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by));
const hex = (words: readonly number[]): string => words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');

/** The message with its padding, as 32-bit words. */
function padded(bytes: Uint8Array, littleEndian: boolean): readonly number[] {
  const length = (((bytes.length + 8) >> 6) + 1) * 16;
  const words = new Array<number>(length).fill(0);
  const put = (index: number, byte: number): void => {
    const shift = littleEndian ? (index % 4) * 8 : 24 - (index % 4) * 8;
    words[index >> 2] = (words[index >> 2] ?? 0) | (byte << shift);
  };
  bytes.forEach((byte, index) => {
    put(index, byte);
  });
  put(bytes.length, 0x80);
  const [low, high] = [(bytes.length << 3) | 0, Math.floor(bytes.length / 0x20000000)];
  words[length - 2] = littleEndian ? low : high;
  words[length - 1] = littleEndian ? high : low;
  return words;
}

function sha1(bytes: Uint8Array): number[] {
  const message = padded(bytes, false);
  let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  for (let block = 0; block < message.length; block += 16) {
    const w = message.slice(block, block + 16);
    for (let i = 16; i < 80; i++) w[i] = rotate((w[i - 3] ?? 0) ^ (w[i - 8] ?? 0) ^ (w[i - 14] ?? 0) ^ (w[i - 16] ?? 0), 1);
    let [a = 0, b = 0, c = 0, d = 0, e = 0] = state;
    for (let i = 0; i < 80; i++) {
      const mix = i < 20 ? (b & c) | (~b & d) : i < 40 || i >= 60 ? b ^ c ^ d : (b & c) | (b & d) | (c & d);
      const constant = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6][Math.floor(i / 20)] ?? 0;
      [a, b, c, d, e] = [(rotate(a, 5) + mix + e + constant + (w[i] ?? 0)) | 0, a, rotate(b, 30), c, d];
    }
    state = [a, b, c, d, e].map((word, index) => (word + (state[index] ?? 0)) | 0);
  }
  return state;
}

function md5(bytes: Uint8Array): number[] {
  const message = padded(bytes, true);
  const turns = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
  let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let block = 0; block < message.length; block += 16) {
    let [a = 0, b = 0, c = 0, d = 0] = state;
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      const mix = round === 0 ? (b & c) | (~b & d) : round === 1 ? (d & b) | (~d & c) : round === 2 ? b ^ c ^ d : c ^ (b | ~d);
      const place = [i, 5 * i + 1, 3 * i + 5, 7 * i][round] ?? 0;
      const sum = (a + mix + Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) + (message[block + (place % 16)] ?? 0)) | 0;
      [a, b, c, d] = [d, (b + rotate(sum, turns[round * 4 + (i % 4)] ?? 0)) | 0, b, c];
    }
    state = [a, b, c, d].map((word, index) => (word + (state[index] ?? 0)) | 0);
  }
  return state.map((word) => ((word & 255) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24));
}

const primes = Array.from({ length: 312 }, (_, index) => index + 2).filter((n) =>
  Array.from({ length: n - 2 }, (_, index) => index + 2).every((d) => n % d !== 0),
);

/** The first `bits` bits of the fraction of a prime's square or cube root, by whole numbers only. */
function rootFraction(prime: number, degree: 2 | 3, bits: number): bigint {
  const target = BigInt(prime) << BigInt(bits * degree);
  let [low, high] = [0n, 1n << BigInt(bits + 6)];
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(degree) <= target) low = middle;
    else high = middle;
  }
  return low & ((1n << BigInt(bits)) - 1n);
}

const sha256Constants = primes.slice(0, 64).map((prime) => Number(rootFraction(prime, 3, 32)));
const sha256Start = primes.slice(0, 8).map((prime) => Number(rootFraction(prime, 2, 32)));

function sha256(bytes: Uint8Array): number[] {
  const message = padded(bytes, false);
  let state = sha256Start;
  for (let block = 0; block < message.length; block += 16) {
    const w = message.slice(block, block + 16);
    for (let i = 16; i < 64; i++) {
      const [early, late] = [w[i - 15] ?? 0, w[i - 2] ?? 0];
      const s0 = rotate(early, 25) ^ rotate(early, 14) ^ (early >>> 3);
      const s1 = rotate(late, 15) ^ rotate(late, 13) ^ (late >>> 10);
      w[i] = ((w[i - 16] ?? 0) + s0 + (w[i - 7] ?? 0) + s1) | 0;
    }
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 26) ^ rotate(e, 21) ^ rotate(e, 7);
      const first = (h + s1 + ((e & f) ^ (~e & g)) + (sha256Constants[i] ?? 0) + (w[i] ?? 0)) | 0;
      const second = ((rotate(a, 30) ^ rotate(a, 19) ^ rotate(a, 10)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
    }
    state = [a, b, c, d, e, f, g, h].map((word, index) => (word + (state[index] ?? 0)) | 0);
  }
  return state;
}

const algorithms: Readonly<Record<string, (bytes: Uint8Array) => number[]>> = { md5, sha1, sha256 };

/** The checksum in hexadecimal digits. */
export function digest(value: string, algorithm: string): string {
  const of = Object.hasOwn(algorithms, algorithm) ? algorithms[algorithm] : undefined;
  if (of === undefined) return fail(`hash knows ${Object.keys(algorithms).join(', ')}, not '${algorithm}'`);
  spend(value.length * 4);
  return hex(of(new TextEncoder().encode(value)));
}

/** A name-based UUID (version 5) in a namespace. */
export function uuid(name: string, namespace: string): string {
  const digits = namespace.replaceAll('-', '');
  if (!/^[\da-fA-F]{32}$/.test(digits)) return fail(`'${namespace}' is no UUID`);
  const space = (digits.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  const full = hex(sha1(new Uint8Array([...space, ...new TextEncoder().encode(name)]))).slice(0, 32);
  const variant = ((Number.parseInt(full[16] ?? '0', 16) & 3) | 8).toString(16);
  const parts = `${full.slice(0, 12)}5${full.slice(13, 16)}${variant}${full.slice(17)}`;
  return [parts.slice(0, 8), parts.slice(8, 12), parts.slice(12, 16), parts.slice(16, 20), parts.slice(20)].join('-');
}
