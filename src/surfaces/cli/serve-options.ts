// What stands in the table of commands: it imports nothing, for every command loads it.

/** The options of `flows serve`. */
export const serveOptions = {
  host: { type: 'string', value: 'ADDRESS', help: 'address to listen on (default: 127.0.0.1); another needs TLS' },
  port: { type: 'string', value: 'NUMBER', help: 'port to listen on (default: 7700; 0: any free one)' },
  socket: {
    type: 'string',
    value: 'PATH',
    help: 'Unix socket to listen on, for this user alone',
    choices: ['files'],
  },
  'log-level': {
    type: 'string',
    value: 'LEVEL',
    help: 'one of trace, debug, info, warn, error, silent (default: info)',
    choices: [['trace', 'debug', 'info', 'warn', 'error', 'silent']],
  },
} as const;
