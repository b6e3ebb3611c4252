import { parse, type HTMLElement } from 'node-html-parser';
import { CookieJar } from 'tough-cookie';

/** What a browser shows after it followed redirects: a page, or the address outside the issuer that it was sent to. */
export interface Shown {
  readonly status: number;
  readonly headers: Headers;
  readonly page: HTMLElement;
  readonly url: string;
  /** the redirect to the client, which is not followed */
  readonly left: URL | undefined;
}

/** A person's browser for tests: cookies, redirects within the issuer, forms as the page has them. No script. */
export interface Browser {
  open(address: string): Promise<Shown>;
  /** Fills in a form of the last page by name, keeps its hidden fields, and sends it. */
  submit(form: string, values: Readonly<Record<string, string>>): Promise<Shown>;
  follow(link: string): Promise<Shown>;
  shown(): Shown;
}

export function createBrowser(issuer: string): Browser {
  const jar = new CookieJar();
  let last: Shown | undefined;
  const shown = () => {
    if (last === undefined) throw new Error('no page was opened');
    return last;
  };
  const request = async (address: string, body?: URLSearchParams): Promise<Shown> => {
    let url = new URL(address, last?.url ?? issuer);
    let sent = body;
    for (let hop = 0; hop < 10; hop += 1) {
      const response = await fetch(url, {
        redirect: 'manual',
        headers: { cookie: await jar.getCookieString(url.href) },
        ...(sent === undefined ? {} : { method: 'POST', body: sent }),
      });
      for (const cookie of response.headers.getSetCookie()) await jar.setCookie(cookie, url.href);
      const text = await response.text();
      const location = response.headers.get('location');
      const next = location === null ? undefined : new URL(location, url);
      if (next === undefined || next.origin !== issuer) {
        last = { status: response.status, headers: response.headers, page: parse(text), url: url.href, left: next };
        return last;
      }
      url = next;
      sent = undefined;
    }
    throw new Error('too many redirects');
  };
  return {
    open: (address) => request(address),
    submit: (selector, values) => {
      const form = shown().page.querySelector(selector);
      if (form === null) throw new Error(`no form ${selector} on "${title(shown())}"`);
      const fields = form
        .querySelectorAll('input')
        .map((input) => [input.getAttribute('name') ?? '', input.getAttribute('value') ?? ''] as const);
      const body = new URLSearchParams({ ...Object.fromEntries(fields), ...values });
      return request(form.getAttribute('action') ?? '', body);
    },
    follow: (selector) => {
      const link = shown().page.querySelector(selector);
      if (link === null) throw new Error(`no link ${selector} on "${title(shown())}"`);
      return request(link.getAttribute('href') ?? '');
    },
    shown,
  };
}

export function title({ page }: Shown): string {
  return page.querySelector('title')?.text ?? '';
}

/** The key of the "Unable to scan?" page. */
export function shownKey({ page }: Shown): string {
  return page.querySelector('#kc-totp-secret-key')?.text ?? '';
}
