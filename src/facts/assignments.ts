// Shell assignments as configuration files use them (`os-release`, `/etc/default/grub`), read
// without running a shell.

/**
 * The variables that these lines set; the last assignment wins. Quotes, backslashes and
 * `$NAME`/`${NAME}` of earlier variables (also of `before`) are understood. Commands and
 * conditions, which need a real shell, stay as text.
 */
export function readAssignments(
  lines: Iterable<string>,
  before: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const values = new Map(before);
  const expand = expander((name) => values.get(name));
  for (const line of lines) {
    const parts = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)(\+?)=(.*)$/.exec(line);
    if (parts?.[1] === undefined) continue;
    const value = unquote(parts[3] ?? '', expand);
    values.set(parts[1], parts[2] === '+' ? (values.get(parts[1]) ?? '') + value : value);
  }
  return values;
}

const pieces = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|(#.*|\s.*)|([^'"\\\s#]+|#)/gy;

function unquote(text: string, expand: (text: string) => string): string {
  let result = '';
  for (const [, single, double, escaped, rest, plain] of text.trim().matchAll(pieces)) {
    if (rest !== undefined && (rest.startsWith('#') ? result === '' : true)) break;
    result +=
      single ??
      escaped ??
      (double === undefined ? undefined : withoutEscapes(expand(double))) ??
      expand(plain ?? rest ?? '');
  }
  return result;
}

const withoutEscapes = (text: string): string => text.replace(/\\(["\\$`])/g, '$1');

/**
 * Number of characters that variables may add to one file. Each variable may contain the one before
 * it ten times: ten lines could fill the memory.
 */
const mostExpanded = 65_536;

/** Expands `$NAME` and `${NAME}` in texts. Where the result would be too long, the names stay. */
export function expander(lookup: (name: string) => string | undefined): (text: string) => string {
  let left = mostExpanded;
  return (text) =>
    text.replace(
      /(?<!\\)\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g,
      (written, braced?: string, bare?: string) => {
        const value = lookup(braced ?? bare ?? '') ?? '';
        if (value.length > left) return written;
        left -= value.length;
        return value;
      },
    );
}
