# Loads a module of the kernel, or takes it out.
u=@unload@
if [ -n "$u" ]; then
  modprobe -r @name@ </dev/null || exit 72
else
  modprobe @name@ @params@ </dev/null || exit 70
  grep -q @line@ "$R/proc/modules" || exit 71
fi
:
