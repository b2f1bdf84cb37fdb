// Fields of the SSH protocol (RFC 4251, section 5).

export function uint32(value: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(value);
  return field;
}

export const string = (value: Buffer | string): Buffer => {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([uint32(bytes.length), bytes]);
};

/** The first strings of the bytes: at most `count`, and fewer where one is cut off. */
export function readFields(bytes: Buffer, count: number): readonly Buffer[] {
  const fields: Buffer[] = [];
  let at = 0;
  while (fields.length < count && at + 4 <= bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
