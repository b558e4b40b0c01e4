"""Runs a command on a terminal of its own, interrupts it once that shows a pattern, and prints what it showed.

    on_terminal.py PATTERN COMMAND...      PATTERN "": no interrupt

Ends with the command's exit code."""
import os
import pty
import re
import signal
import sys

pattern, command = sys.argv[1].encode(), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(command[0], command)
shown, told = b"", not pattern
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:  # how Linux says that nobody has the terminal any more
        break
    if not piece:
        break
    shown += piece
    if not told and re.search(pattern, shown):
        told = True
        os.kill(child, signal.SIGINT)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255)
