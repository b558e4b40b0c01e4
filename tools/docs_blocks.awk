# Runs the console blocks of pages and compares what the commands print (see check_docs.sh).
#   awk -v loci=PROGRAM -v dir=DIRECTORY -f tools/docs_blocks.awk PAGE...
#
# In a block "$ loci ..." is a command, which a backslash may continue, and what follows it is its output, where "..."
# stands for any number of lines.  Decimals agree within 0.01, since machines round differently; times and rates are not
# compared.  It runs in DIRECTORY, and complains a line for each difference.

function masked(line) {
  gsub(/[0-9.]+ (ms|s|GFLOP\/s|GB\/s)/, "TIME", line)
  return line
}

function is_decimal(x) { return x ~ /^[-+(]?[0-9]+\.[0-9]+[,;:)]*$/ }

function same(want, got, w, g, n, i, d) {
  n = split(masked(want), w, " ")
  if (split(masked(got), g, " ") != n) return 0
  for (i = 1; i <= n; i++) {
    if (w[i] "" == g[i] "") continue
    if (!is_decimal(w[i]) || !is_decimal(g[i])) return 0
    gsub(/[(,;:)]/, "", w[i])
    gsub(/[(,;:)]/, "", g[i])
    d = w[i] - g[i]
    if (d > 0.01 || d < -0.01) return 0
  }
  return 1
}

# The command that was read, with the output that was read below it.
function check(    shell, line, n, got, i, at, gap) {
  if (command == "") return
  shell = command
  sub(/^loci /, "'" loci "' ", shell)
  shell = "cd '" dir "' && OMP_WAIT_POLICY=passive COLUMNS=200 " shell " 2>&1"
  n = 0
  while ((shell | getline line) > 0) got[++n] = line
  close(shell)
  while (n > 0 && got[n] == "") n--
  while (count > 0 && want[count] == "") count--
  at = 1
  gap = 0
  for (i = 1; i <= count; i++) {
    if (want[i] == "...") {
      gap = 1
      continue
    }
    while (gap && at <= n && !same(want[i], got[at])) at++
    gap = 0
    if (at > n || !same(want[i], got[at])) {
      printf "%s: $ %s\n  the page says  %s\n  it prints      %s\n", FILENAME, command, want[i], (at > n ? "(no such line)" : got[at])
      command = ""
      return
    }
    at++
  }
  if (!gap && at <= n) printf "%s: $ %s\n  it goes on     %s\n", FILENAME, command, got[at]
  command = ""
}

/^```/ {
  check()
  block = /^```console/
  next
}
!block { next }
continued || /^\$ / {
  if (!continued) {
    check()
    command = ""
  }
  line = $0
  sub(/^\$ /, "", line)
  continued = sub(/\\$/, "", line)
  command = command line
  count = 0
  next
}
{ want[++count] = $0 }
