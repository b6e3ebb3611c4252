import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { extname } from 'node:path';
import type { IncomingMessage } from 'node:http';
import type { PageAddress } from '../../broker/people/page-address.ts';
import { EdgeRefusal } from './edge-refusal.ts';
import type { Answer } from './http-answers.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Nothing but these files runs or is loaded, no text becomes markup, and no page has it in a frame. */
const policy = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
].join('; ');

const headers = [
  ...['Content-Security-Policy', policy],
  ...['Referrer-Policy', 'no-referrer'],
  ...['Cross-Origin-Opener-Policy', 'same-origin'],
  ...['Cross-Origin-Resource-Policy', 'same-origin'],
  ...['Permissions-Policy', 'publickey-credentials-get=(self), publickey-credentials-create=(self)'],
] as const;

/** The page's files: beside the built program, or where they are written. */
const folder = [new URL('page/', import.meta.url), new URL('../page/', import.meta.url)].find((each) =>
  existsSync(new URL('index.html', each)),
);

/** What files of the page are called; what else is asked for costs no more than to see that. */
const mayBeFile = /^\/(?:$|\?|page\/)/;

let read: ReadonlyMap<string, Answer> | undefined;

/** By path, read once; what is not here is no file of the page, whatever the path says. */
function files(): ReadonlyMap<string, Answer> {
  if (folder === undefined) return new Map();
  read ??= new Map(
    readdirSync(folder).flatMap((name): (readonly [string, Answer])[] => {
      const type = types[extname(name)];
      if (type === undefined) return [];
      const body = readFileSync(new URL(name, folder), 'utf8');
      return [[name === 'index.html' ? '/' : `/page/${name}`, { status: 200, type, body, headers, outcome: 'ok' }]];
    }),
  );
  return read;
}

/**
 * A file of the page; undefined where none is asked for. Anybody may have it, from wherever a link to it was followed:
 * it is the same for all, and to load it decides nothing. What it then asks for is looked at by itself.
 * @throws EdgeRefusal method-not-allowed
 */
export function pageFile(
  { method, url, headers: asked }: IncomingMessage,
  at: PageAddress | undefined,
): Answer | undefined {
  if (at === undefined || url === undefined || !mayBeFile.test(url)) return undefined;
  const path = url.replace(/\?.*$/s, '');
  const file = files().get(path);
  if (file === undefined) return undefined;
  if (method !== 'GET' && method !== 'HEAD') throw new EdgeRefusal('method-not-allowed', 'GET, HEAD');
  // at an address no passkey works; what stands behind the # comes along
  const local = at.origin.startsWith('http://localhost:');
  if (local && asked.host !== new URL(at.origin).host)
    return { status: 307, type: 'text/plain', body: '', headers: ['Location', `${at.origin}${path}`], outcome: 'ok' };
  return file;
}
