// What stands in the table of commands, which checks it; it imports nothing, for every command loads it.

/** Where the values of a program come from. */
export const valueOptions = {
  secret: {
    type: 'string',
    several: true,
    value: 'VARIABLE=NAME',
    help: 'a secret of registry.yaml',
    choices: ['secrets'],
    keyed: true,
  },
  token: {
    type: 'string',
    several: true,
    value: 'VARIABLE=FLOW',
    help: 'the token of a flow',
    choices: ['flows'],
    keyed: true,
  },
  'env-file': {
    type: 'string',
    several: true,
    value: 'FILE',
    help: 'variables of a file; op://… in it, and in our own environment, is read',
    choices: ['files'],
  },
  insist: { type: 'boolean', help: 'mask values of fewer than 4 bytes, and common words, too' },
} as const;

/** Those of `flows exec`. */
export const execOptions = {
  ...valueOptions,
  'as-file': {
    type: 'string',
    several: true,
    value: 'VARIABLE',
    help: 'give the path of a file that holds the value, and is gone with the program',
  },
  mask: { type: 'boolean', help: 'hide the values in what it prints, or --no-mask' },
  refresh: { type: 'boolean', help: 'tell a minute before a token ends' },
} as const;

/** What masking cannot do, said where it is offered. */
export const outOfReach = [
  'A value is found as it is, in JSON, URLs, XML, shell quotes, hex and base64, over lines, and however the output is cut.',
  'Not found: what is compressed, encrypted or hashed; cut off, wrapped or coloured within; base32, UTF-16, spelled or',
  'reversed; a part of a value; what goes to files, sockets or /dev/tty. Values of 4 to 7 bytes are found as whole words.',
  'Masking stops accidents. It does not stop a program that means to leak.',
];
