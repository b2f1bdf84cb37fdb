# "judge STATUS": after a failure, prints the last lines of the log and exits with the code of the
# failure that they show, if any. The lines that show it come last, because only the last few lines
# reach the operator.
judge() {
  [ "$1" -ne 0 ] || return 0
  last 15
@cases@
}
