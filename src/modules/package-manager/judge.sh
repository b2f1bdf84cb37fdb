# "judge STATUS": after a bad status, shows the last lines of the log and ends with the code of what they say, if they say
# anything. The lines that say it come last, as only the last few lines reach the reader.
judge() {
  [ "$1" -ne 0 ] || return 0
  last 15
@cases@
}
