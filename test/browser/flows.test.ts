import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type RunningStack } from '../../src/laptop/start-stack.ts';
import { createHome, type Home } from '../e2e/home.ts';
import { type Browsers, openBrowser, type Person } from './person.ts';
import { atPage, authenticator, giveCode, giveCredentials, signOut } from './steps.ts';

let home: Home;
let stack: RunningStack;
let browsers: Browsers;
let person: Person;

beforeAll(async () => {
  home = createHome();
  stack = await home.stack();
  browsers = await openBrowser(() => stack.addresses.issuer);
});
afterEach(async () => {
  await person.leave();
});
afterAll(async () => {
  await browsers?.close();
  await home?.close();
});

async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await home.flows(args);
  if (code !== 0) throw new Error(`flows ${args.join(' ')} ends with ${code}: ${stderr}`);
  return stdout;
}

async function answer(...args: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await printed(...args, '--json'));
}

test('break-glass: its answer is all that a person needs to get in', async () => {
  const asked = Date.now();
  const shown = await answer('break-glass');
  const { 'one-time-code': oneTime } = shown as { 'one-time-code': { code: string; valid_for: number } };
  // ten when it was made
  expect(oneTime.valid_for).toBeGreaterThanOrEqual(10 - (Date.now() - asked) / 1_000);
  person = await browsers.person();
  const { page } = person;
  await page.goto(String(shown['sign-in']));
  await page.getByRole('link', { name: 'Sign in' }).click();
  await giveCredentials(page, String(shown['username']), String(shown['password']));
  await giveCode(page, oneTime.code);
  await atPage(page, 'Signed in');
  expect(await page.locator('#signed-in-as').innerText()).toBe('break-glass@example.com');
  await signOut(page);
  await atPage(page, 'Welcome');
});

test('new-user: the user signs in with what the vault holds', async () => {
  const made = await answer('new-user', '--email', 'ada@example.com', '--yes');
  const value = (reference: string) => printed('read', reference, '--no-newline');
  const password = await value(`${String(made['item'])}/password`);
  const seed = new URL(await value(String(made['one-time-password']))).searchParams.get('secret') ?? '';
  person = await browsers.person();
  const { page } = person;
  await page.goto(stack.addresses.issuer);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await giveCredentials(page, 'ada@example.com', password);
  // the flow's own sign-in has used up the code of the moment
  await giveCode(page, await authenticator(seed, Date.now() + 30_000));
  expect(await page.locator('#signed-in-as').innerText()).toBe('ada@example.com');
});
