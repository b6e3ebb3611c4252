import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/foundation/secret.ts';
import { type DevelopmentIdentityProvider, startIdentityProvider } from '../../src/laptop/identity-provider/server.ts';
import { type Page, startPage } from './page-broker.ts';
import { type Browsers, openBrowser } from './person.ts';
import { atPage, authenticator, giveCode, giveCredentials, stopClock } from './steps.ts';

const password = 'correct horse battery staple';
const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const clientSecret = `canary-${randomBytes(18).toString('hex')}`;

let provider: DevelopmentIdentityProvider;
let page: Page;
let browsers: Browsers;
let clock = Date.now();

beforeAll(async () => {
  const users = ['dana', 'eve'].map((userName) => ({
    userName,
    password: new Secret(password),
    totpSeed: new Secret(seed),
  }));
  // a confidential client, whose secret is in the vault
  const clients = [
    { clientId: 'flows-page', redirectUris: ['http://localhost/'], secrets: [new Secret(clientSecret)] },
  ];
  provider = await startIdentityProvider({ clients, users, now: () => clock });
  const sub = provider.user('dana')?.id ?? '';
  const trust = `{ issuer: "${provider.issuer}", audience: flows-page, claims: { sub: "${sub}" } }`;
  page = await startPage(trust, ({ work }) => {
    const [service, laptop] = [join(work, 'flows/service.yaml'), join(work, 'flows/development.yaml')];
    const reference = 'op://Agents/Page/credential';
    const client = `{ issuer: "${provider.issuer}", client-id: flows-page, client-secret: ${reference} }`;
    writeFileSync(
      service,
      readFileSync(service, 'utf8').replace(/( {2}development:\n)/, `$1    page-clients: ${client}\n`),
    );
    writeFileSync(
      laptop,
      readFileSync(laptop, 'utf8').replace('values:\n', `values:\n  ${reference}: ${clientSecret}\n`),
    );
  });
  browsers = await openBrowser(
    () => page.origin,
    () => provider.issuer,
  );
});
afterAll(async () => {
  await browsers?.close();
  await page?.close();
  await provider?.close();
});

const button = (tab: Tab, name: string | RegExp) => tab.getByRole('button', { name, exact: true });

/** The provider's pages, each time with another code. */
async function signInThere(tab: Tab, username = 'dana'): Promise<void> {
  await giveCredentials(tab, username, password);
  clock += 30_000;
  await giveCode(tab, await authenticator(seed, clock));
}

async function signedIn() {
  const person = await browsers.person();
  await person.page.goto(`${page.origin}/`);
  await button(person.page, /^Sign in at 127\.0\.0\.1:\d+$/).click();
  await signInThere(person.page);
  await person.page.getByRole('navigation', { name: 'Views' }).waitFor();
  return person;
}

async function asked(reason: string): Promise<string> {
  const answer = await page.asAgent('/v1/secrets/resolve', { secrets: ['stripe.live_key'], reason });
  expect(answer).toMatchObject({ code: 'approval-required' });
  return answer.approval?.id ?? '';
}

async function look(tab: Tab, id: string): Promise<void> {
  await tab.goto(`${page.origin}/#/approvals/${id}`);
  await tab.getByText('which signs it, and not a passkey').waitFor();
}

describe('a person whom an issuer proves', () => {
  test('signs in there, and once more for what they approve: a session alone approves nothing', async () => {
    const dana = await signedIn();
    const { page: tab } = dana;
    expect(tab.url()).toBe(`${page.origin}/`);
    expect(await tab.evaluate<string>('document.cookie')).not.toContain('flows-page_');
    await stopClock(tab);
    const id = await asked('refund order 4711');
    await look(tab, id);
    await button(tab, 'Approve').click();
    // whatever session there is, it asks again
    await signInThere(tab);
    await tab.getByText('Approved, and signed.').waitFor();
    expect(tab.url()).toBe(`${page.origin}/#/approvals/${id}`);
    await tab.getByText(/dana \(yes, by a sign-in at an issuer\)/).waitFor();
    expect(await page.approval(id)).toMatchObject({ state: 'approved', answers: [{ approver: 'dana', by: 'oidc' }] });
    expect(page.signed(id)).toMatchObject({ decision: 'approve', approver: 'dana', scope: 'call' });
    expect(readFileSync(page.trail, 'utf8')).toContain(
      `"detail":"by a sign-in at ${provider.issuer}, not by a passkey"`,
    );
    const given = await page.asAgent('/v1/secrets/resolve', { secrets: ['stripe.live_key'] }, undefined, id);
    expect(given.resolved?.['stripe.live_key']).toBeDefined();
    expect(`${await tab.content()}${readFileSync(page.trail, 'utf8')}`).not.toContain(clientSecret);
    await tab.clock.resume();
    expect(await dana.accessibility()).toEqual([]);
    dana.complaints();
    await dana.leave();
  });

  test('sees a code of break-glass by a sign-in that was made for it', async () => {
    const dana = await signedIn();
    const { page: tab } = dana;
    await stopClock(tab);
    await tab.goto(`${page.origin}/#/break-glass`);
    await tab.getByLabel('Why, in one line').fill('the laptop with the passkey is lost');
    await button(tab, 'Go on').click();
    await tab.getByText('you sign in once more at your issuer').waitFor();
    await button(tab, 'Prove it and reveal').click();
    await signInThere(tab);
    expect(await tab.locator('code.revealed').innerText()).toMatch(/^\d{6}$/);
    expect(tab.url()).toBe(`${page.origin}/#/break-glass`);
    expect(readFileSync(page.trail, 'utf8')).toMatch(/"action":"break-glass\.revealed".*not by a passkey/);
    // it is shown once: another view and back is without it
    await tab.goto(`${page.origin}/#/health`);
    await tab.goto(`${page.origin}/#/break-glass`);
    await atPage(tab, 'Break-glass');
    expect(await tab.locator('code.revealed').count()).toBe(0);
    dana.complaints();
    await dana.leave();
  });

  test('denies with a sign-in too, and decides nothing where they turn back, or somebody else signs in', async () => {
    const dana = await signedIn();
    const { page: tab } = dana;
    await stopClock(tab);
    const id = await asked('something else');
    await look(tab, id);
    await button(tab, 'Approve').click();
    await tab.getByLabel('Username').waitFor();
    await tab.goto(`${page.origin}/#/approvals/${id}`);
    expect(await page.approval(id)).toMatchObject({ state: 'pending', answers: [] });
    await look(tab, id);
    await button(tab, 'Approve').click();
    await signInThere(tab, 'eve');
    await expect.poll(() => tab.locator('#told').innerText()).toContain('was not accepted');
    expect(await page.approval(id)).toMatchObject({ state: 'pending', answers: [] });
    await look(tab, id);
    await button(tab, 'Deny').click();
    await signInThere(tab);
    await tab.getByText('Denied, and signed.').waitFor();
    expect(await page.approval(id)).toMatchObject({ state: 'denied' });
    dana.complaints();
    await dana.leave();
  });

  test('is nobody where policy does not name who signed in', async () => {
    const eve = await browsers.person();
    await eve.page.goto(`${page.origin}/`);
    await button(eve.page, /^Sign in at /).click();
    await signInThere(eve.page, 'eve');
    await atPage(eve.page, 'Sign in');
    await expect
      .poll(() => eve.page.getByRole('alert').allInnerTexts())
      .toContainEqual(expect.stringContaining('was not accepted'));
    expect(eve.complaints()).toContainEqual(expect.stringMatching(/^401: .*\/login$/));
    await eve.leave();
  });

  test('is not signed in by an answer that this tab never asked for', async () => {
    const other = await browsers.person();
    await other.page.goto(`${page.origin}/?code=stolen&state=x&iss=${encodeURIComponent(provider.issuer)}`);
    await atPage(other.page, 'Sign in');
    expect(other.page.url()).toBe(`${page.origin}/`);
    await other.leave();
  });
});
