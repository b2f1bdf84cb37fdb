# The fence is only read here: a host that has come to an escalation may not be able to write to its disk any more.
D=$R/var/lib/kmend L=$R/run/kmend
read -r r n s < "$D/fence" || exit @noState@
[ "$r" = @run@ ] && [ "$n" -le @number@ ] && [ "$s" = open ] || { echo "$r" >&2; exit @fenced@; }
