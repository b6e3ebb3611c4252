import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContextOptions, CDPSession, Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { atPage, stopClock } from './steps.ts';
import { type Browsers, openBrowser, type Person } from './person.ts';
import { startReceiver } from '../adapters/channels/receiver.ts';
import { writeChannel } from '../e2e/notified.ts';
import { type Page, startPage } from './page-broker.ts';

let page: Page;
let browsers: Browsers;
let receiver: Awaited<ReturnType<typeof startReceiver>>;

/** The shipped flow for break-glass, which tells people. */
const breakGlass = readFileSync(new URL('../../flows/break-glass.yaml', import.meta.url), 'utf8').replace(
  /^break-glass: .*$/m,
  'break-glass: { close: break-glass-close, notify: [ops] }',
);

beforeAll(async () => {
  receiver = await startReceiver();
  page = await startPage(undefined, (home) => {
    writeChannel(home, receiver.url);
    home.write('flows/break-glass.yaml', breakGlass);
  });
  browsers = await openBrowser(() => page.origin);
});
afterAll(async () => {
  await browsers?.close();
  await page?.close();
  await receiver?.close();
});

interface Approver extends Person {
  readonly device: CDPSession;
  readonly authenticator: string;
}

/** Somebody with an authenticator of their own, like that of a laptop. */
async function atLaptop(options?: BrowserContextOptions): Promise<Approver> {
  const person = await browsers.person(options);
  const device = await person.page.context().newCDPSession(person.page);
  await device.send('WebAuthn.enable');
  const { authenticatorId: authenticator } = await device.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { ...person, device, authenticator };
}

/** Enrols by a link of `flows approvers add`, and is signed in. */
async function enrolled(name: string, options?: BrowserContextOptions): Promise<Approver> {
  const before = await page.inForce(name);
  const person = await atLaptop(options);
  const { page: tab } = person;
  await tab.goto(`${page.origin}/#/enrol/${name}/${page.link(`enrol ${name}`)}`);
  await atPage(tab, `A passkey for ${name}`);
  expect(tab.url()).not.toContain('flows-operator_');
  await tab.getByRole('button', { name: 'I am the one: begin' }).click();
  await tab.getByRole('button', { name: 'Make the passkey' }).click();
  await tab.getByRole('navigation', { name: 'Views' }).waitFor();
  // what policy adds is held for a moment
  await expect.poll(() => page.inForce(name)).toBe(before + 1);
  return person;
}

async function asked(what: string, reason = 'refund order 4711', token?: string): Promise<string> {
  const answer = await page.asAgent('/v1/secrets/resolve', { secrets: [what], reason }, token);
  expect(answer).toMatchObject({ code: 'approval-required' });
  return answer.approval?.id ?? '';
}

async function look(tab: Tab, id: string): Promise<void> {
  await tab.goto(`${page.origin}/#/approvals/${id}`);
  await tab.getByText('All that is signed for').waitFor();
}
const button = (tab: Tab, name: string) => tab.getByRole('button', { name, exact: true });
const stateOf = async (id: string) => (await page.approval(id))['state'];

describe('a person with a passkey', () => {
  test('enrols by a link that counts once, and signs in with the passkey from then on', async () => {
    const link = `${page.origin}/#/enrol/ann/${page.link('enrol ann')}`;
    // whatever opens links to look at them runs scripts too, and presses nothing
    const bot = await browsers.person();
    await bot.page.goto(link);
    await atPage(bot.page, 'A passkey for ann');
    await bot.leave();
    const ann = await atLaptop();
    await ann.page.goto(link);
    await button(ann.page, 'I am the one: begin').click();
    await button(ann.page, 'Make the passkey').click();
    await atPage(ann.page, 'Nothing waits');
    // however long the broker takes for it
    const { promise: out, resolve: goOn } = Promise.withResolvers<void>();
    await ann.page.route('**/logout', (route) => out.then(() => route.continue()));
    const heardNoMore = ann.page.waitForEvent('requestfailed', (request) => request.url().endsWith('/events'));
    await button(ann.page, 'Sign out').click();
    await atPage(ann.page, 'Sign in');
    await heardNoMore;
    goOn();
    expect(ann.complaints()).toEqual([]);
    await expect.poll(() => page.inForce('ann')).toBe(1);
    await button(ann.page, 'Sign in with a passkey').click();
    await atPage(ann.page, 'Nothing waits');
    expect(await ann.page.evaluate<string>('document.cookie')).toBe('');
    await ann.leave();

    const other = await browsers.person();
    await other.page.goto(link);
    await button(other.page, 'I am the one: begin').click();
    await expect.poll(() => other.page.getByRole('alert').innerText()).toContain('was not accepted');
    expect(other.complaints()).toContainEqual(expect.stringMatching(/^401: /));
    await other.leave();
  });

  test('approves what it sees, as it appears, and the agent has it', async () => {
    const ann = await enrolled('ann');
    await atPage(ann.page, 'Nothing waits');
    const id = await asked('stripe.live_key', 'refund <img src=x onerror=alert(1)> 4711');
    await atPage(ann.page, '1 request waiting');
    await ann.page.getByRole('link', { name: /codex asks for stripe\.live_key/ }).click();
    const told = ann.page.locator('article blockquote');
    expect(await told.innerText()).toContain('refund <img src=x onerror=alert(1)> 4711');
    expect(await told.innerText()).toContain('claimed by the agent');
    const digest = String((await page.approval(id))['digest']);
    expect(await ann.page.locator('.fingerprint').innerText()).toBe(digest);
    expect(await ann.page.locator('.fingerprint strong').innerText()).toBe(digest.slice(0, 8));
    const posted = ann.page.waitForRequest((request) => request.url().endsWith('/decision'));
    await stopClock(ann.page);
    await button(ann.page, 'Approve').click();
    await ann.page.getByText('Approved, and signed.').waitFor();
    expect(await page.approval(id)).toMatchObject({ state: 'approved', answers: [{ approver: 'ann' }] });

    // the same answer a second time is none
    const body = (await posted).postData();
    const again = `fetch('/v1/page/approvals/${id}/decision', { method: 'POST', body: ${JSON.stringify(body)}, headers: {
      'content-type': 'application/json',
      authorization: 'Bearer ' + JSON.parse(sessionStorage.getItem('flows-session')).session } }).then(({ status }) => status)`;
    expect(await ann.page.evaluate<number>(again)).toBe(401);
    ann.complaints();
    const given = await page.asAgent('/v1/secrets/resolve', { secrets: ['stripe.live_key'] }, undefined, id);
    const value = given.resolved?.['stripe.live_key'] ?? '';
    expect(value).not.toBe('');
    // no value was ever on the page
    expect(await ann.page.content()).not.toContain(value);
    await ann.leave();
  });

  test('denies with a signature too, and says yes to less than was asked', async () => {
    const ann = await enrolled('ann');
    await stopClock(ann.page);
    const denied = await asked('github.token');
    await look(ann.page, denied);
    await expect.poll(() => button(ann.page, 'Deny').isEnabled()).toBe(true);
    // what is made anew takes nobody's click, however long the broker takes for it
    const { promise: out, resolve: goOn } = Promise.withResolvers<void>();
    let held = true;
    await ann.page.route('**/challenge', (route) => (held ? out.then(() => route.abort('aborted')) : route.continue()));
    const anew = ann.page.waitForRequest('**/challenge');
    await ann.page.evaluate(`dispatchEvent(new Event('rules'))`);
    await anew;
    await button(ann.page, 'Deny').click();
    await ann.page.getByText('Denied, and signed.').waitFor();
    held = false;
    goOn();
    expect(await stateOf(denied)).toBe('denied');
    const { token } = await page.asAgent('/v1/agent-runs', { reason: 'triage' });
    const id = await asked('github.token', 'clone', String(token));
    await look(ann.page, id);
    await ann.page.getByText('Approve for less').click();
    await ann.page.getByLabel('good for').selectOption('one call');
    await ann.page.getByLabel('no longer than').selectOption('15 minutes');
    await ann.page.getByText('You sign: one call, for 15 minutes.').waitFor();
    await ann.page.clock.fastForward(5_000);
    await button(ann.page, 'Approve').click();
    await ann.page.getByText('Approved, and signed.').waitFor();
    // as long as any other, whatever was told before it
    await ann.page.clock.fastForward(5_000);
    expect(await ann.page.locator('#told').innerText()).toBe('Approved, and signed.');
    await ann.page.clock.fastForward(5_000);
    expect(await ann.page.locator('#told').innerText()).toBe('');
    expect(page.signed(id)).toMatchObject({ decision: 'approve', approver: 'ann', scope: 'call', uses: 1, lasts: 900 });
    await ann.leave();
  });

  test('decides nothing where the authenticator did not verify who it is', async () => {
    const ann = await enrolled('ann');
    const id = await asked('stripe.live_key', 'once more');
    await look(ann.page, id);
    const { device, authenticator: authenticatorId } = ann;
    await device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await button(ann.page, 'Approve').click();
    await expect.poll(() => ann.page.getByRole('alert').innerText()).toContain('Nothing was decided');
    expect(await page.approval(id)).toMatchObject({ state: 'pending', answers: [] });
    await ann.leave();
  });

  test('may not answer what is for others, nor say yes to their own agent', async () => {
    const cy = await enrolled('cy');
    const others = await asked('openai.api_key');
    await look(cy.page, others);
    await cy.page.getByText('You look as cy. ann or bo may answer this.').waitFor();
    expect(await button(cy.page, 'Approve').count()).toBe(0);
    const own = await asked('stripe.live_key', 'for my owner');
    await look(cy.page, own);
    await expect.poll(() => button(cy.page, 'Deny').isEnabled()).toBe(true);
    expect(await button(cy.page, 'Approve').isEnabled()).toBe(false);
    expect(cy.complaints()).toContainEqual(expect.stringMatching(/^403: .*\/challenge$/));
    await cy.leave();
  });

  test('works by the keyboard alone, and two are told of each other', async () => {
    const [ann, bo] = [await enrolled('ann'), await enrolled('bo')];
    const id = await asked('openai.api_key', 'summarise');
    await look(ann.page, id);
    await look(bo.page, id);
    await expect.poll(() => button(ann.page, 'Approve').isEnabled()).toBe(true);
    await button(ann.page, 'Deny').focus();
    await ann.page.keyboard.press('Tab');
    await ann.page.keyboard.press('Enter');
    await ann.page.getByText('You have answered. It waits for somebody else too.').waitFor();
    // without a reload
    await bo.page.getByText(/ann \(yes\)/).waitFor();
    // made anew, it waits for what would be signed
    await expect.poll(() => button(bo.page, 'Approve').isEnabled()).toBe(true);
    await button(bo.page, 'Approve').press('Enter');
    await ann.page
      .getByText(/approved/)
      .first()
      .waitFor();
    expect(await stateOf(id)).toBe('approved');
    await ann.leave();
    await bo.leave();
  });

  test('is ended by a no of whoever has said yes, while somebody else is waited for', async () => {
    const bo = await enrolled('bo');
    const { token } = await page.asAgent('/v1/agent-runs');
    const id = await asked('openai.api_key', 'second thoughts', String(token));
    await look(bo.page, id);
    await button(bo.page, 'Approve').click();
    await button(bo.page, 'Say no after all').click();
    await expect.poll(() => button(bo.page, 'Deny').isEnabled()).toBe(true);
    // whatever makes the view anew, they need not say so again
    await bo.page.goto(`${page.origin}/#/`);
    await bo.page.getByRole('heading', { level: 1, name: / waiting$/ }).waitFor();
    await look(bo.page, id);
    await expect.poll(() => button(bo.page, 'Deny').isEnabled()).toBe(true);
    expect(await button(bo.page, 'Say no after all').count()).toBe(0);
    expect(await button(bo.page, 'Approve').count()).toBe(0);
    await button(bo.page, 'Deny').click();
    await expect.poll(() => stateOf(id)).toBe('denied');
    await bo.leave();
  });
});

/** Says why, and goes on to what is signed: by the keyboard alone. */
async function askForCode(tab: Tab, why: string): Promise<void> {
  await tab.goto(`${page.origin}/#/break-glass`);
  await atPage(tab, 'Break-glass');
  await tab.getByLabel('Why, in one line').fill(why);
  await tab.keyboard.press('Enter');
  await button(tab, 'Prove it and reveal').waitFor();
}

test('an address that is no code of anything leads to the page all the same', async () => {
  const somebody = await browsers.person();
  for (const part of ['%', 'approvals/%E4%zz']) {
    await somebody.page.goto('about:blank');
    await somebody.page.goto(`${page.origin}/#/${part}`);
    await atPage(somebody.page, 'Sign in');
    // nothing it asked for is cut off by the next
    await somebody.page.getByRole('button', { name: 'Sign in with a passkey', disabled: false }).waitFor();
    expect(somebody.complaints()).toEqual([]);
  }
  await somebody.leave();
});

describe('a person whom policy lets reveal a code', () => {
  test('sees it once, after people were told, while it is good, and it is nowhere after that', async () => {
    const ann = await enrolled('ann');
    const { page: tab } = ann;
    // the code is over when the test says so
    await stopClock(tab);
    const before = receiver.posts().length;
    await askForCode(tab, 'the issuer is down');
    expect(await tab.locator('.step .facts').innerText()).toContain('the issuer is down');
    expect(receiver.posts()).toHaveLength(before);
    const posted = tab.waitForRequest((request) => request.url().endsWith('/reveal'));
    await tab.keyboard.press('Enter');
    const code = await tab.locator('code.revealed').innerText();
    expect(code).toMatch(/^\d{6}$/);
    expect(receiver.posts()).toHaveLength(before + 1);
    expect(receiver.posts().at(-1)?.body).toContain('the issuer is down');
    await tab.getByText('break-glass@example.com', { exact: true }).waitFor();

    // the same proof a second time is none
    const body = (await posted).postData();
    const again = `fetch('/v1/page/break-glass/break-glass/reveal', { method: 'POST', body: ${JSON.stringify(body)}, headers: {
      'content-type': 'application/json',
      authorization: 'Bearer ' + JSON.parse(sessionStorage.getItem('flows-session')).session } }).then(({ status }) => status)`;
    expect(await tab.evaluate<number>(again)).toBe(401);

    await tab.clock.fastForward(31_000);
    await tab.getByText('The code is over').waitFor();
    const everywhere = `document.documentElement.outerHTML + JSON.stringify([{ ...sessionStorage }, { ...localStorage }, history.state])`;
    const left = await tab.evaluate<string>(everywhere);
    const item = page.stack.vault.dump().find(({ title }) => title === 'Break Glass');
    const password = item?.fields.find(({ label }) => label === 'password')?.value ?? '';
    expect(password).not.toBe('');
    for (const value of [code, password]) {
      expect(left).not.toContain(value);
      expect(tab.url()).not.toContain(value);
    }
    const trail = readFileSync(page.trail, 'utf8');
    expect(trail).toMatch(/"action":"break-glass\.revealed".*"reason":"the issuer is down"/);
    for (const value of [`"${code}"`, password]) expect(trail).not.toContain(value);
    const state = join(page.home.path, 'state');
    const files = readdirSync(state, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
    const kept = files.filter((each) => readFileSync(join(each.parentPath, each.name), 'latin1').includes(password));
    expect(kept.map(({ name }) => name)).toEqual([]);
    // what a use owes is owed
    const seen = (await page.overview()) as { breakGlass: { troubles: unknown[] } };
    expect(seen.breakGlass.troubles).toContainEqual(
      expect.objectContaining({ code: 'not-closed', subject: 'break-glass' }),
    );

    await askForCode(tab, 'and once more');
    await tab.clock.fastForward(101_000);
    await tab.getByText('That took too long: go on once more.').waitFor();
    expect(await button(tab, 'Prove it and reveal').count()).toBe(0);
    ann.complaints();
    await ann.leave();
  });

  test('is nobody else', async () => {
    const bo = await enrolled('bo');
    await bo.page.goto(`${page.origin}/#/break-glass`);
    await bo.page.getByText('Nothing here is for you.').waitFor();
    const ask = (
      flow: string,
    ) => `fetch('/v1/page/break-glass/${flow}/challenge', { method: 'POST', body: '{"reason":"mine"}',
      headers: { 'content-type': 'application/json',
      authorization: 'Bearer ' + JSON.parse(sessionStorage.getItem('flows-session')).session } }).then(({ status }) => status)`;
    expect(await bo.page.evaluate<number>(ask('break-glass'))).toBe(403);
    expect(await bo.page.evaluate<number>(ask('nothing'))).toBe(403);
    bo.complaints();
    await bo.leave();
  });
});

test('whoever comes by `flows page` looks, and answers nothing', async () => {
  const person = await browsers.person();
  const link = `${page.origin}/#/page/${page.link('page')}`;
  await person.page.goto(link);
  await button(person.page, 'Open the page').click();
  await person.page.getByRole('navigation', { name: 'Views' }).waitFor();
  const id = await asked('stripe.live_key', 'looked at');
  await look(person.page, id);
  await person.page.getByText(/^You look as local:op\./).waitFor();
  expect(await button(person.page, 'Approve').count()).toBe(0);
  await person.leave();
  const other = await browsers.person();
  await other.page.goto(link);
  await button(other.page, 'Open the page').click();
  await expect.poll(() => other.page.getByRole('alert').innerText()).toContain('was not accepted');
  other.complaints();
  await other.leave();
});

test('no page has it in a frame', async () => {
  const person = await browsers.person();
  await person.page.goto(`${page.origin}/page/icon.svg`);
  await person.page.goto(`${page.origin}/`);
  await person.page.evaluate(`document.body.append(Object.assign(document.createElement('iframe'), { src: '/' }))`);
  const heard: string[] = [];
  const all = () => {
    heard.push(...person.complaints());
    return heard.join('\n');
  };
  await expect.poll(all).toMatch(/frame-ancestors|default-src/);
  await person.leave();
});

describe.each([
  { name: 'small phone', width: 360, height: 640, colorScheme: 'light' as const },
  { name: 'phone in the dark', width: 390, height: 844, colorScheme: 'dark' as const },
  { name: 'desktop', width: 1280, height: 800, colorScheme: 'light' as const },
  { name: 'desktop in the dark', width: 1280, height: 800, colorScheme: 'dark' as const },
])('on a $name', ({ width, height, colorScheme }) => {
  test('every view fits, and axe-core finds nothing wrong', async () => {
    const phone = width < 500;
    const options = { viewport: { width, height }, colorScheme, isMobile: phone, hasTouch: phone };
    const person = await atLaptop(options);
    const { page: tab } = person;
    const fits = async (what: string) => {
      const shown = await tab.evaluate<number>('document.documentElement.scrollWidth');
      expect.soft(shown, `width of ${what}`).toBeLessThanOrEqual(width);
      expect.soft(await person.accessibility(), what).toEqual([]);
      for (const target of await tab.getByRole('button').all())
        expect.soft((await target.boundingBox())?.height, what).toBeGreaterThanOrEqual(40);
    };
    await tab.goto(page.origin);
    await atPage(tab, 'Sign in');
    await fits('sign in');
    await person.leave();

    const ann = await enrolled('ann', options);
    const begun = await page.asAgent('/v1/agent-runs', { reason: 'triage issue 4711' });
    const child = await page.asAgent('/v1/agent-runs', { allow: ['github.*'] }, String(begun['token']));
    const id = await asked('github.token', 'clone the repository', String(child['token']));
    const views: readonly (readonly [string, string | RegExp])[] = [
      ['', /waiting$/],
      [`approvals/${id}`, 'codex asks for github.token'],
      ['agent-runs', /going on$/],
      [`agent-runs/${String(child['run'])}`, /^codex ar-/],
      ['runs', /No run goes on|going on$/],
      ['policy', 'Who may what'],
      ['trail', 'Trail'],
      ['break-glass', 'Break-glass'],
      ['health', /All is well|Something needs a look/],
      ['nothing-here', /./],
    ];
    for (const [path, title] of views) {
      await ann.page.goto(`${page.origin}/#/${path}`);
      if (path !== 'nothing-here') await ann.page.getByRole('heading', { level: 1, name: title }).waitFor();
      for (const each of await ann.page.locator('main summary').all()) await each.click();
      const shown = await ann.page.evaluate<number>('document.documentElement.scrollWidth');
      expect.soft(shown, `width of ${path}`).toBeLessThanOrEqual(width);
      expect.soft(await ann.accessibility(), path).toEqual([]);
    }
    await askForCode(ann.page, 'a code on this screen');
    const checked = async (what: string) => {
      const shown = await ann.page.evaluate<number>('document.documentElement.scrollWidth');
      expect.soft(shown, `width of ${what}`).toBeLessThanOrEqual(width);
      expect.soft(await ann.accessibility(), what).toEqual([]);
    };
    await checked('what is signed for a code');
    await stopClock(ann.page);
    await button(ann.page, 'Prove it and reveal').click();
    await ann.page.locator('code.revealed').waitFor();
    await ann.page.clock.resume();
    await checked('a code');
    await ann.leave();
  });
});
