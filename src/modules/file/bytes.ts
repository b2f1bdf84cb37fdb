// Texts as bytes: one character for each byte of their UTF-8.

/** Plain ASCII, which most files are, is its own bytes. */
const isPlain = (text: string): boolean => !/[^\0-\x7f]/.test(text);

export const toBytes = (text: string): string =>
  isPlain(text)
    ? text
    : Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');

/** Bytes that are no UTF-8 become replacement characters. */
export const fromBytes = (bytes: string): string =>
  isPlain(bytes)
    ? bytes
    : new TextDecoder('utf-8', { ignoreBOM: true }).decode(
        Uint8Array.from(bytes, (char) => char.charCodeAt(0)),
      );
