import type { HTMLElement } from 'node-html-parser';
import { FlowError, oneLine } from '../../../foundation/errors.ts';
import { type Call, retryAfterOf } from '../../../foundation/http.ts';

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly root: HTMLElement;
}

/** Where a request ended: at a page, or at the redirect URI, which is never fetched. */
export type Landing = { readonly page: Page } | { readonly callback: URL };

export interface BrowserOptions {
  readonly call: Call;
  /** the one origin that pages are fetched from and forms are sent to */
  readonly origin: string;
  readonly redirectUri: string;
}

/** One sign-in's browser: cookies of its own, redirects followed by hand, no scripts. */
export interface Browser {
  open(url: URL): Promise<Landing>;
  /** Sends a form with the fields that it has, and these. */
  submit(page: Page, form: HTMLElement, fields: Readonly<Record<string, string>>): Promise<Landing>;
}

const mostHops = 20;

export async function createBrowser(options: BrowserOptions): Promise<Browser> {
  const [{ parse }, { CookieJar }] = await Promise.all([import('node-html-parser'), import('tough-cookie')]);
  const { call, origin } = options;
  const redirectUri = new URL(options.redirectUri);
  const jar = new CookieJar();

  async function request(url: URL, form: URLSearchParams | undefined): Promise<Response> {
    if (url.origin !== origin) {
      throw new FlowError('refused', `the sign-in leads to ${url.origin}, which is not the issuer's ${origin}`, {
        hint: 'passwords and codes go to the issuer alone; sign-in through another provider is not driven',
      });
    }
    const cookie = await jar.getCookieString(url.href);
    const headers = { accept: 'text/html,*/*;q=0.1', ...(cookie === '' ? {} : { cookie }) };
    const answer = await call(url.href, form === undefined ? { headers } : posting(form, headers));
    for (const line of answer.headers.getSetCookie()) await jar.setCookie(line, url.href, { ignoreError: true });
    return answer;
  }

  async function follow(start: URL, form?: URLSearchParams): Promise<Landing> {
    let url = start;
    let body = form;
    for (let hop = 0; hop < mostHops; hop += 1) {
      if (isCallback(url, redirectUri)) return { callback: url };
      const answer = await request(url, body);
      if (answer.status < 300 || answer.status > 399) return { page: pageOf(url, answer, parse(await answer.text())) };
      // only these two would send the form once more, with the password in it
      if (body !== undefined && (answer.status === 307 || answer.status === 308)) {
        throw new FlowError('refused', `the sign-in at ${origin} passes a form on, which is not followed`);
      }
      const location = URL.parse(answer.headers.get('location') ?? '', url.href);
      if (location === null) throw new FlowError('protocol', `the sign-in at ${origin} redirects to nowhere`);
      body = undefined;
      url = location;
    }
    throw new FlowError('protocol', `the sign-in at ${origin} redirects more than ${mostHops} times`);
  }

  return {
    open: (url) => follow(url),
    submit: async (page, form, fields) => {
      const action = URL.parse(form.getAttribute('action') ?? '', page.url.href);
      if (action === null || form.getAttribute('method')?.toLowerCase() !== 'post') {
        throw new FlowError('protocol', `${describe(page)} has a form that cannot be sent`);
      }
      return follow(action, new URLSearchParams({ ...fieldsOf(form), ...fields }));
    },
  };
}

/** What a page is, in an error: its title, never its content. */
export function describe({ root, url, status }: Page): string {
  const title = oneLine(root.querySelector('title')?.text ?? '').slice(0, 100);
  return `the page "${title}" at ${url.host} (${status})`;
}

function posting(form: URLSearchParams, headers: Readonly<Record<string, string>>): RequestInit {
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', headers: { ...headers, ...type }, body: form.toString() };
}

function pageOf(url: URL, { status, headers }: Response, root: HTMLElement): Page {
  if (status === 429) {
    const wait = retryAfterOf(headers.get('retry-after'), Date.now());
    throw new FlowError('rate-limited', `the sign-in at ${url.host} asks for fewer requests`, {
      hint: 'try again later',
      retryAfter: wait,
    });
  }
  if (status >= 500) {
    throw new FlowError('unavailable', `the sign-in at ${url.host} is in trouble (${status})`, {
      hint: 'try again later',
    });
  }
  return { url, status, root };
}

/** What a browser would send of a form that nobody touched; buttons are not pressed. */
function fieldsOf(form: HTMLElement): Record<string, string> {
  const silent = new Set(['submit', 'button', 'image', 'reset', 'checkbox', 'radio', 'file']);
  const fields: Record<string, string> = {};
  for (const input of form.querySelectorAll('input')) {
    const name = input.getAttribute('name') ?? '';
    if (name !== '' && !silent.has(input.getAttribute('type')?.toLowerCase() ?? 'text')) {
      fields[name] = input.getAttribute('value') ?? '';
    }
  }
  return fields;
}

function isCallback(url: URL, redirectUri: URL): boolean {
  return url.origin === redirectUri.origin && url.pathname === redirectUri.pathname;
}
