import { spawn } from 'node:child_process';

/** util-linux's logger cuts at 1 KiB and passes over a log that is not there, unless it is told. */
const careful = process.platform === 'linux' ? ['--socket-errors=on', '--size', '32KiB'] : [];

/**
 * One line to the system's log, by the `logger` that Linux and macOS have: Node has no Unix datagrams. The line goes in
 * on stdin, so that no process list shows it.
 * @param args in front of the tag, for a test: `--socket PATH`
 * @returns whether the log took it, within two seconds
 */
export function toSyslog(line: string, args: readonly string[] = []): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn('logger', [...careful, ...args, '-t', 'auth-chain', '-p', 'auth.notice'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      timeout: 2_000,
      // nothing of ours in its environment
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${line}\n`);
  });
}
