# Prints the packages that are installed, a line for each. Status 3 = no package manager is there.
if command -v dpkg-query >/dev/null 2>&1 && [ -s "$R/var/lib/dpkg/status" ]; then
  echo apt
  dpkg-query -W -f '${Status} ${Package} ${Version} ${Architecture} ${Section}\n'
elif command -v rpm >/dev/null 2>&1; then
  echo rpm
  rpm -qa --qf '%{NAME} %{VERSION} %{RELEASE} %{EPOCH} %{ARCH}\n'
else exit 3; fi
