import { closeSync, openSync, readSync } from 'node:fs';
import { BrokerError } from './broker-error.ts';

/**
 * What proves an agent: a token of `flows agents add`, or a workload identity's JWT.
 * @example
 * const fromFile: Credential = { file: '/run/agent/token' }; // read with each request: a rotated one is taken up
 * const fromPlatform: Credential = async () => (await fetch('http://127.0.0.1:9000/identity')).text();
 */
export type Credential = string | (() => string | Promise<string>) | { readonly file: string };

/** bytes; the server takes 16 KiB of headers together */
const longest = 12_288;
/** what RFC 6750 section 2.1 lets a bearer token be made of */
const form = /^[A-Za-z0-9._~+/-]+=*$/;

/** What people paste along with it; the first that fits is told. */
const looks: readonly (readonly [RegExp, string])[] = [
  [/^(["'`]).*\1$|^[“”„«‘’].*[“”»‘’]$/s, 'it stands in quotes'],
  [/^(?:authorization:\s*)?bearer\s/i, 'it begins with "Bearer"'],
  [/^\w+\s*=/, 'it begins with a name and ='],
  [/\s/, 'it has a space or a line break within or around it'],
];

/** The credential as it is now: a file is read each time, so that a rotated one is taken up. @throws BrokerError no-credential */
export async function credentialOf(credential: Credential): Promise<string> {
  const text = typeof credential === 'function' ? await given(credential) : textOf(credential);
  if (text === '') throw new BrokerError('no-credential', { detail: 'the agent token is empty' });
  if (text.length > longest || !form.test(text)) {
    const why = looks.find(([look]) => look.test(text))?.[1] ?? 'it is not one';
    throw new BrokerError('no-credential', { detail: `what should be the agent token: ${why}` });
  }
  return text;
}

async function given(credential: () => string | Promise<string>): Promise<string> {
  let text: unknown;
  try {
    text = await credential();
  } catch (cause) {
    throw new BrokerError('no-credential', { detail: 'what gives the agent token failed', cause });
  }
  if (typeof text === 'string') return text;
  throw new BrokerError('no-credential', { detail: 'what gives the agent token gave no text' });
}

function textOf(credential: string | { readonly file: string }): string {
  // the line break that ends it and the mark of its encoding are not part of it, and nothing else is taken away
  return typeof credential === 'string' ? credential : read(credential.file).replace(/^\ufeff|\r?\n$/g, '');
}

/** At most a little more than fits, from a file or a pipe. */
function read(file: string): string {
  const bytes = Buffer.alloc(longest + 6);
  let length = 0;
  try {
    const opened = openSync(file, 'r');
    try {
      for (let more = -1; more !== 0 && length < bytes.length; length += more) {
        more = readSync(opened, bytes, length, bytes.length - length, null);
      }
    } finally {
      closeSync(opened);
    }
  } catch (cause) {
    throw new BrokerError('no-credential', { detail: `the agent token's file ${file} cannot be read`, cause });
  }
  return bytes.toString('utf8', 0, length);
}
