# The first lines of every script. R is the root prefix: empty on a real host, a directory in the
# practice fleet, where the same bytes run without root. LC_ALL: messages are compared
# ("Input/output error"). The sbin directories: a login by SSH or sudo may lack them. They are below
# R, so that a practice host never finds a program of its machine.
R=${KMEND_ROOT-}
LC_ALL=C LANG=C
PATH=$PATH:$R/usr/local/sbin:$R/usr/local/bin:$R/usr/sbin:$R/usr/bin:$R/sbin:$R/bin
export R LC_ALL LANG PATH
unset CDPATH ENV BASH_ENV POSIXLY_CORRECT GREP_OPTIONS
umask 077
