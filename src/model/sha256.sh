# "sha256 FILE" prints the checksum; coreutils and busybox have sha256sum.
sha256() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum < "$1" | cut -c 1-64
  elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 < "$1" | sed 's/.* //'
  else return 1; fi
}
sha256 /dev/null >/dev/null || { echo 'neither sha256sum nor openssl is here' >&2; exit @without@; }
