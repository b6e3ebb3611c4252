import axe from 'axe-core';
import { type BrowserContextOptions, chromium as driver, type Page } from 'playwright-core';
import { chromium } from './chromium.ts';

/** Somebody at a browser: nothing kept from one to the next. */
export interface Person {
  readonly page: Page;
  /** What the browser complained of since it was last asked, and what was asked of anybody but the provider. */
  complaints(): readonly string[];
  /** what axe-core finds wrong with the page as it is: rule and element */
  accessibility(): Promise<readonly string[]>;
  /** @throws Error where the browser complained: policies broken, requests failed, scripts that threw */
  leave(): Promise<void>;
}

export interface Browsers {
  person(options?: BrowserContextOptions): Promise<Person>;
  close(): Promise<void>;
}

/** milliseconds, for what hangs: what is slow on a busy machine comes all the same */
const patience = 60_000;

/** @param origins those that pages may ask anything of */
export async function openBrowser(...origins: readonly (() => string)[]): Promise<Browsers> {
  const browser = await driver.launch({
    executablePath: chromium(),
    timeout: patience,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  });
  return {
    async person(options = {}) {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(patience);
      const page = await context.newPage();
      const heard: string[] = [];
      page.on('console', (message) => void heard.push(`console: ${message.text()}`));
      page.on('pageerror', (error) => void heard.push(`error: ${error.message}`));
      page.on('requestfailed', (request) => {
        // whoever leaves a page, or the browser, cuts off what is on its way
        const cutOff = request.failure()?.errorText === 'net::ERR_ABORTED';
        if (!cutOff) heard.push(`failed: ${request.method()} ${request.url()}`);
      });
      page.on('response', (response) => {
        if (response.status() >= 400) heard.push(`${response.status()}: ${response.url()}`);
      });
      page.on('request', (request) => {
        const known = [...origins.map((origin) => `${origin()}/`), 'data:'];
        if (!known.some((start) => request.url().startsWith(start))) heard.push(`elsewhere: ${request.url()}`);
      });
      return {
        page,
        complaints: () => heard.splice(0),
        accessibility: () => audit(page),
        leave: async () => {
          await context.close();
          if (heard.length > 0) throw new Error(`the browser complains:\n${heard.join('\n')}`);
        },
      };
    },
    close: () => browser.close(),
  };
}

interface Axe {
  run(): Promise<{ violations: readonly { id: string; nodes: readonly { target: readonly unknown[] }[] }[] }>;
}

async function audit(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: here } = globalThis as unknown as { axe: Axe };
    const { violations } = await here.run();
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
  });
}
