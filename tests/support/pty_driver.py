"""Runs a program in a terminal of its own: what it draws goes to standard output, and lines of JSON from
standard input say what is typed ({"send": "text"}) and how large the terminal is ({"size": [rows, columns]}).
Ends with the program's exit code, and says on standard error whether the terminal echoes again."""
import fcntl
import json
import os
import select
import signal
import struct
import sys
import termios


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def main():
    rows, columns, *command = sys.argv[1:]
    # Empty stands for one that is not set.
    if os.environ.get("NO_COLOR") == "":
        del os.environ["NO_COLOR"]
    master, slave = os.openpty()
    resize(slave, int(rows), int(columns))
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(slave, fd)
        os.execvp(command[0], command)
    pending = b""
    watched = [master, 0]
    status = None
    while status is None:
        ready, _, _ = select.select(watched, [], [], 0.1)
        if master in ready:
            os.write(1, os.read(master, 65536))
        if 0 in ready:
            data = os.read(0, 65536)
            if data == b"":
                watched = [master]
                os.kill(pid, signal.SIGHUP)
            pending += data
            *lines, pending = pending.split(b"\n")
            for line in lines:
                asked = json.loads(line)
                if "send" in asked:
                    os.write(master, asked["send"].encode())
                else:
                    resize(master, *asked["size"])
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended == pid:
            status = os.waitstatus_to_exitcode(code)
    while select.select([master], [], [], 0)[0]:
        os.write(1, os.read(master, 65536))
    flags = termios.tcgetattr(slave)[3]
    print(json.dumps({"echo": bool(flags & termios.ECHO), "lines": bool(flags & termios.ICANON)}), file=sys.stderr)
    sys.exit(status if status >= 0 else 128 - status)


main()
