# Prints the services that systemd has loaded, and the files of services. Status 3 = no systemd.
command -v systemctl >/dev/null 2>&1 || exit 3
systemctl list-units --no-pager --no-legend --type service --all --plain </dev/null || exit 4
printf '\n---\n'
systemctl list-unit-files --no-pager --no-legend --type service </dev/null || exit 4
