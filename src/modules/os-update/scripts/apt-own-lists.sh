# A plan changes nothing, and wants the lists of now: it reads them into a folder of its own, without the
# programs that the host runs after an update.
# shellcheck disable=SC2086 # lists are words
if [ -n "$stale" ]; then
  mkdir -p "$t/lists/partial" || exit 45
  for f in "$R"/var/lib/apt/lists/*_*; do case $f in *_i18n_*|*_*'*') ;; *) [ ! -f "$f" ] || cp -p "$f" "$t/lists/";; esac; done
  printf '#clear APT::Update::%s;\n' Pre-Invoke Post-Invoke Post-Invoke-Success > "$t/quiet"
  lists="-o Dir::State::Lists=$t/lists -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root"
  apt-get -q -c "$t/quiet" $lists -o Acquire::Languages=none -o APT::Update::Error-Mode=any update > "$t/said" 2>&1 < /dev/null || unread
fi
