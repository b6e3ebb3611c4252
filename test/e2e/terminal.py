"""Runs a program on a terminal of its own: standard input is what is typed, standard output what is shown. SIGUSR1 makes
it larger."""
import fcntl, os, pty, select, signal, struct, sys, termios

child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
resize = lambda *_: fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 100, 0, 0))
signal.signal(signal.SIGUSR1, resize)
signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
sources = [0, terminal]
while terminal in sources:
    for source in select.select(sources, [], [])[0]:
        try:
            data = os.read(source, 65536)
        except OSError:  # Linux: the other side is closed
            data = b''
        if not data:
            sources.remove(source)
        else:
            os.write(terminal if source == 0 else 1, data)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
