#!/bin/sh
# SSH_ASKPASS: passes a question of ssh to kmend through its stderr, and the answer from its stdin.
# Questions of another ssh, such as that of a jump host, are refused: its stdin is a connection.
[ "$PPID" = "$KMEND_SSH_PID" ] || exit 1
if [ "$SSH_ASKPASS_PROMPT" = none ]; then
  printf '%s\n' "$KMEND_SSH_MARK.say" "$1" "$KMEND_SSH_MARK.end" >&2
  exit
fi
printf '%s\n' "$KMEND_SSH_MARK.ask" "$1" "$KMEND_SSH_MARK.end" >&2
IFS= read -r answer || exit 1
case $answer in
y*) printf '%s\n' "${answer#y}" ;;
*) exit 1 ;;
esac
