// The prelude: what every script that kmend runs on a host begins with.

/**
 * `R` is the root prefix: empty on a real host, a directory in the practice fleet, where the very same bytes run without root. Where the script is run
 * as another user than the one who logged in, \`adapters/ssh/exec/command.ts\` drops the variable before: nobody leads root into a tree of his own.
 * LC_ALL: messages are compared ("Input/output error"). The sbin directories: a login by SSH or sudo may lack them;
 * below `R`, so that a practice host never finds a program of the machine that it lives on.
 */
const prelude = `R=\${KMEND_ROOT-}
LC_ALL=C LANG=C
PATH=$PATH:$R/usr/local/sbin:$R/usr/local/bin:$R/usr/sbin:$R/usr/bin:$R/sbin:$R/bin
export R LC_ALL LANG PATH
unset CDPATH ENV BASH_ENV POSIXLY_CORRECT GREP_OPTIONS
umask 077
`;

/** The script with the prelude before it. All absolute paths in it must begin with \`$R\`; programs are found through PATH. */
export const withPrelude = (script: string): string => (script.startsWith(prelude) ? script : prelude + script);
