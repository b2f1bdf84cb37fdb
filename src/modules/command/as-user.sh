# Runs a script as another user, in the environment of the session. The script comes through a
# descriptor of its own: everybody can read the arguments of a process.
u=@user@
[ -n "$u" ] || u=${SUDO_USER-${DOAS_USER-}}
[ -n "$u" ] || u=$(id -nu "$(cat /proc/self/loginuid)" 2>/dev/null)
[ -n "$u" ] || { echo "cannot find out who logged in" >&2; exit 125; }
runuser -s /bin/sh -c "k=\$(cat <&3); exec 3<&-; eval \"\$k\"" -- "$u" 3<<'@end@'
@script@
@end@
