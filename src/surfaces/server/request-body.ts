import type { IncomingMessage } from 'node:http';
import { largestBody } from '../../foundation/wire.ts';
import { keepsDigits } from '../../language/own-form.ts';
import { EdgeRefusal } from './edge-refusal.ts';

/** A request whose body is read once, whoever asks for it first. */
export interface Received {
  readonly request: IncomingMessage;
  /** what was read of it, or is: {@link bytesOf} */
  body?: Buffer | Promise<Buffer>;
}

/** lists and objects within each other */
const deepest = 16;
/** bytes of a body that is too large that are read and dropped, so that its sender can read the answer */
const patience = 1_048_576;

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** a byte order mark at its beginning is passed over */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The JSON of a request's body. @param type `any`: whatever it is said to be
 * @throws EdgeRefusal unsupported-media-type, too-large, invalid-request
 */
export async function readJson(received: Received, largest?: number, type?: 'json' | 'any'): Promise<unknown> {
  return jsonOf(await bytesOf(received, largest, type));
}

/**
 * The bytes of a request's body, read once, whoever asks for them first: without a wait where all of them are there, as
 * those of a small body are in the turn after its headers.
 * @throws EdgeRefusal as {@link readJson}, but for what the bytes say
 */
export function bytesOf(
  received: Received,
  largest = largestBody,
  type: 'json' | 'any' = 'json',
): Buffer | Promise<Buffer> {
  return (received.body ??= take(received.request, largest, type));
}

function take(request: IncomingMessage, largest: number, type: 'json' | 'any'): Buffer | Promise<Buffer> {
  const { headers } = request;
  const encoding = headers['content-encoding'] ?? 'identity';
  const isTaken = type === 'any' || isJson(headers['content-type']);
  if (encoding !== 'identity' || !isTaken) throw new EdgeRefusal('unsupported-media-type');
  if (Number(headers['content-length'] ?? 0) > largest) throw tooLarge(request, 0);
  if (!request.complete) return read(request, largest);
  const bytes = (request.read() as Buffer | null) ?? Buffer.alloc(0);
  return bytes.length > largest ? Promise.reject(tooLarge(request, bytes.length)) : bytes;
}

function isJson(type: string | undefined): boolean {
  return /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?$/i.test(type ?? '');
}

function read(request: IncomingMessage, largest: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const end = (finish: () => void) => {
      request.off('data', onData).off('end', onEnd).off('error', onCut).off('close', onCut);
      finish();
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > largest) end(() => reject(tooLarge(request, size)));
    };
    const onEnd = () => end(() => resolve(Buffer.concat(chunks)));
    // nobody is left to be answered
    const onCut = () => end(() => reject(new EdgeRefusal('invalid-request')));
    request.on('data', onData).on('end', onEnd).on('error', onCut).on('close', onCut);
  });
}

/** Whoever sends more than a little too much is cut off, and may not get to read why. */
function tooLarge(request: IncomingMessage, already: number): EdgeRefusal {
  let size = already;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > patience) request.socket.destroy();
  });
  return new EdgeRefusal('too-large');
}

/** a number that may not keep all its digits */
const longNumber = /[\d.]{16}|[eE][+-]?\d{3}/;

/** Refuses a number that is not what was written. @param context what the number was read from */
function exact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value === 'number' && !keepsDigits(context?.source ?? '')) throw new EdgeRefusal('invalid-request');
  return value;
}

/** @throws EdgeRefusal invalid-request */
export function jsonOf(bytes: Buffer): unknown {
  try {
    const text = utf8.decode(bytes);
    if (depthOf(text) > deepest) throw new EdgeRefusal('invalid-request');
    return longNumber.test(text) ? JSON.parse(text, exact) : JSON.parse(text);
  } catch {
    throw new EdgeRefusal('invalid-request');
  }
}

/** How deep JSON text is nested, before it is parsed: in one pass, whatever the text. */
function depthOf(text: string): number {
  let depth = 0;
  let most = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted) {
      if (character === '\\') at += 1;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '[' || character === '{') most = Math.max(most, (depth += 1));
    else if (character === ']' || character === '}') depth -= 1;
  }
  return most;
}
