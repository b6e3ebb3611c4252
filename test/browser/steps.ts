import { generate } from 'otplib';
import type { Page } from 'playwright-core';

/** What a person does at the provider's pages, by what they see: labels, buttons, headings. */

export async function giveCredentials(page: Page, username: string, password: string): Promise<void> {
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

export async function giveCode(page: Page, code: string): Promise<void> {
  await page.getByLabel('Code from your authenticator').fill(code);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** At the enrolment page: goes to the key and reads it, as it is written there. */
export async function unableToScan(page: Page): Promise<string> {
  await page.getByRole('link', { name: 'Unable to scan?' }).click();
  return (await page.locator('#kc-totp-secret-key').innerText()).trim();
}

export async function confirmEnrolment(page: Page, code: string): Promise<void> {
  await page.getByLabel('One-time code').fill(code);
  await page.getByRole('button', { name: 'Save and sign in' }).click();
}

export async function signOut(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
}

/** Waits for the page with this heading. */
export async function atPage(page: Page, title: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor();
}

/** The id of the element that has the focus; poll for it: the browser gives it with its next frame. */
export const focused = (page: Page) => page.evaluate<string>('document.activeElement?.id ?? ""');

/** The page's time stands still: what it shows for some seconds stays, until a test moves or resumes its clock. */
export async function stopClock(page: Page): Promise<void> {
  await page.clock.install();
  // there is no way back, and this may come late
  await page.clock.pauseAt(Date.now() + 3_600_000);
}

/** An authenticator app's code; spaces in the key as the page groups it. */
export async function authenticator(key: string, at: number): Promise<string> {
  return generate({ secret: key.replaceAll(' ', ''), epoch: Math.floor(at / 1000) });
}
