import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startIdentityProvider, type DevelopmentIdentityProvider } from '../../src/laptop/identity-provider/server.ts';
import { Secret } from '../../src/foundation/secret.ts';
import { type Browsers, openBrowser, type Person } from './person.ts';
import {
  atPage,
  authenticator,
  confirmEnrolment,
  focused,
  giveCode,
  giveCredentials,
  signOut,
  unableToScan,
} from './steps.ts';

const password = 'correct horse battery staple <&">';
const seed = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';

let provider: DevelopmentIdentityProvider;
let browsers: Browsers;
let clock = Date.parse('2026-11-22T12:00:00Z');
const people: Person[] = [];

beforeAll(async () => {
  const secret = new Secret(password);
  const fresh = ['new', 'unscanned', 'without-script', 'watched', 'at-keyboard'].map((userName) => ({
    userName: `${userName}@example.com`,
    password: secret,
  }));
  const ready = ['root', 'typo', 'backwards', 'plain', 'small', 'hurried'].map((userName) => ({
    userName,
    password: secret,
    totpSeed: new Secret(seed),
  }));
  provider = await startIdentityProvider({ clients: [], users: [...fresh, ...ready], now: () => clock });
  browsers = await openBrowser(() => provider.issuer);
});
afterEach(async () => {
  await Promise.all(people.splice(0).map((person) => person.leave()));
});
afterAll(async () => {
  await browsers?.close();
  await provider?.close();
});

async function visitor(options?: Parameters<Browsers['person']>[0]): Promise<Person> {
  const person = await browsers.person(options);
  people.push(person);
  await person.page.goto(provider.issuer);
  return person;
}

async function atSignIn(options?: Parameters<Browsers['person']>[0]): Promise<Person> {
  const person = await visitor(options);
  await person.page.getByRole('link', { name: 'Sign in' }).click();
  return person;
}

const code = (key = seed) => authenticator(key, clock);
const nextCode = () => {
  clock += 30_000;
  return code();
};

describe('a person with a one-time password', () => {
  test('signs in and out', async () => {
    const { page } = await visitor();
    await atPage(page, 'Welcome');
    await page.getByRole('link', { name: 'Sign in' }).click();
    await giveCredentials(page, 'root', password);
    await giveCode(page, await nextCode());
    await atPage(page, 'Signed in');
    expect(await page.locator('#signed-in-as').innerText()).toBe('root');
    // the address bar, and so the history, holds no code and no state
    expect(page.url()).toBe(`${provider.issuer}/`);
    await signOut(page);
    await atPage(page, 'Welcome');
    await page.getByRole('link', { name: 'Sign in' }).click();
    await atPage(page, 'Sign in to your account');
  });

  test('changes their mind at the sign-out', async () => {
    const { page } = await atSignIn();
    await giveCredentials(page, 'root', password);
    await giveCode(page, await nextCode());
    await page.getByRole('link', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Stay signed in' }).click();
    expect(await page.locator('#signed-in-as').innerText()).toBe('root');
  });

  test('is told of a wrong password and a wrong code, and goes on from there', async () => {
    const { page } = await atSignIn();
    await giveCredentials(page, 'typo', 'wrong');
    expect(await page.getByRole('alert').innerText()).toBe('Invalid username or password.');
    expect(await page.getByLabel('Username').inputValue()).toBe('typo');
    expect(await page.getByLabel('Password').inputValue()).toBe('');
    await expect.poll(() => focused(page)).toBe('password');

    await giveCredentials(page, 'typo', password);
    await atPage(page, 'One-time code');
    await giveCode(page, (await code()) === '000000' ? '000001' : '000000');
    expect(await page.getByRole('alert').innerText()).toBe('Invalid authenticator code.');
    await expect.poll(() => focused(page)).toBe('otp');
    // a reload of the page that answered the form asks again, and counts as no try
    await page.goto(page.url());
    expect(await page.getByRole('alert').count()).toBe(0);
    const right = await nextCode();
    await giveCode(page, `${right.slice(0, 3)} ${right.slice(3)}`);
    await atPage(page, 'Signed in');
  });

  test('cannot use a code twice', async () => {
    const right = await nextCode();
    const one = await atSignIn();
    await giveCredentials(one.page, 'hurried', password);
    await giveCode(one.page, right);
    await atPage(one.page, 'Signed in');
    const other = await atSignIn();
    await giveCredentials(other.page, 'hurried', password);
    await giveCode(other.page, right);
    expect(await other.page.getByRole('alert').innerText()).toBe('Invalid authenticator code.');
    await giveCode(other.page, await nextCode());
    await atPage(other.page, 'Signed in');
  });

  test('goes back from the code, and comes in as somebody else', async () => {
    const { page } = await atSignIn();
    await giveCredentials(page, 'backwards', password);
    await page.getByText('Signing in as backwards.').waitFor();
    await page.goBack();
    // the page may be either, but the password is not kept in it
    await page.getByRole('heading', { level: 1 }).waitFor();
    const kept = `[...document.querySelectorAll('input')].map((input) => input.value).includes(${JSON.stringify(password)})`;
    expect(await page.evaluate<boolean>(kept)).toBe(false);
    await page.goForward();
    await page.getByRole('link', { name: 'Sign in as someone else' }).click();
    await atPage(page, 'Sign in to your account');
    await giveCredentials(page, 'plain', password);
    await giveCode(page, await nextCode());
    expect(await page.locator('#signed-in-as').innerText()).toBe('plain');
  });

  test('finds nothing of a sign-in that was begun in another browser', async () => {
    const one = await atSignIn();
    await giveCredentials(one.page, 'root', password);
    const other = await browsers.person();
    await other.page.goto(one.page.url());
    await atPage(other.page, 'This sign-in has ended');
    const heard: string[] = [];
    const all = () => {
      heard.push(...other.complaints());
      return heard.toSorted();
    };
    await expect.poll(all).toEqual([expect.stringMatching(/^400: /), expect.stringMatching(/^console: .*400/)]);
    await other.page.getByRole('link', { name: 'Continue' }).click();
    await atPage(other.page, 'Welcome');
    await other.leave();
  });
});

describe('a person without one', () => {
  test('enrols by the key, and signs in with it from then on', async () => {
    const { page } = await atSignIn();
    await giveCredentials(page, 'new@example.com', password);
    await atPage(page, 'Mobile authenticator setup');
    expect(await page.getByRole('img', { name: 'QR code of the key' }).isVisible()).toBe(true);
    const key = await unableToScan(page);
    expect(key).toMatch(/^(?:[A-Z2-7]{4} ?){8}$/);
    // to the QR code and back it stays the same key, and a wrong code does not change it either
    await page.getByRole('link', { name: 'Scan a QR code instead' }).click();
    expect(await unableToScan(page)).toBe(key);
    await confirmEnrolment(page, (await code(key)) === '000000' ? '000001' : '000000');
    expect(await page.getByRole('alert').innerText()).toBe('Invalid authenticator code.');
    expect((await page.locator('#kc-totp-secret-key').innerText()).trim()).toBe(key);
    expect(provider.user('new@example.com')?.enrolled).toBe(false);
    await confirmEnrolment(page, await code(key));
    await atPage(page, 'Signed in');
    expect(provider.user('new@example.com')?.enrolled).toBe(true);

    await signOut(page);
    await page.getByRole('link', { name: 'Sign in' }).click();
    await giveCredentials(page, 'new@example.com', password);
    await atPage(page, 'One-time code');
    clock += 30_000;
    await giveCode(page, await code(key));
    expect(await page.locator('#signed-in-as').innerText()).toBe('new@example.com');
  });

  test('has nothing in force after leaving half-way, and another key at the next sign-in', async () => {
    const first = await atSignIn();
    await giveCredentials(first.page, 'unscanned@example.com', password);
    const key = await unableToScan(first.page);
    const second = await atSignIn();
    await giveCredentials(second.page, 'unscanned@example.com', password);
    expect(await unableToScan(second.page)).not.toBe(key);
    expect(provider.user('unscanned@example.com')).toMatchObject({ enrolled: false, signIns: 0 });
  });
});

test('the judges of this suite see what is wrong', async () => {
  const person = await browsers.person();
  await person.page.goto(provider.issuer);
  await person.page.route('**/broken.png', (route) => route.abort('connectionreset'));
  await person.page.evaluate(
    `document.querySelector('main').innerHTML += '<p style="color:red">x</p><img src="/none.png"><img src="/broken.png"><input>'`,
  );
  await person.page.evaluate(`fetch('http://127.0.0.1:9/').catch(() => undefined)`);
  const heard: string[] = [];
  const all = () => {
    heard.push(...person.complaints());
    return heard;
  };
  await expect.poll(all).toContainEqual(expect.stringMatching(/^console: .*Content Security Policy/));
  await expect.poll(all).toContainEqual(expect.stringMatching(/^404: /));
  await expect.poll(all).toContainEqual(expect.stringMatching(/^failed: GET .*\/broken\.png$/));
  expect(await person.accessibility()).toEqual(
    expect.arrayContaining([expect.stringMatching(/^image-alt: /), expect.stringMatching(/^label: /)]),
  );
  all();
  await person.leave();
});

test('what is cut off by leaving a page is no complaint', async () => {
  const person = await browsers.person();
  await person.page.goto(provider.issuer);
  // never answered
  await person.page.route('**/slow.png', () => undefined);
  const cutOff = person.page.waitForEvent('requestfailed', (request) => request.url().endsWith('/slow.png'));
  await person.page.evaluate(`document.querySelector('main').innerHTML += '<img src="/slow.png">'`);
  await person.page.goto(provider.issuer);
  await cutOff;
  expect(person.complaints()).toEqual([]);
  await person.leave();
});

test('all of it works without JavaScript', async () => {
  const { page } = await atSignIn({ javaScriptEnabled: false });
  await giveCredentials(page, 'without-script@example.com', password);
  const key = await unableToScan(page);
  await confirmEnrolment(page, await code(key));
  await atPage(page, 'Signed in');
  expect(provider.user('without-script@example.com')).toMatchObject({ enrolled: true, signIns: 1 });
  await signOut(page);
  await atPage(page, 'Welcome');
});

test('all of it works by the keyboard, in the order of the page', async () => {
  const { page } = await atSignIn();
  await expect.poll(() => focused(page)).toBe('username');
  await page.keyboard.type('at-keyboard@example.com');
  await page.keyboard.press('Tab');
  await expect.poll(() => focused(page)).toBe('password');
  await page.keyboard.type(password);
  await page.keyboard.press('Tab');
  await expect.poll(() => focused(page)).toBe('kc-login');
  await page.keyboard.press('Enter');
  await page.locator('#kc-totp-settings-form').waitFor();
  await expect.poll(() => focused(page)).toBe('totp');
  await page.keyboard.press('Shift+Tab');
  await expect.poll(() => focused(page)).toBe('mode-manual');
  await page.keyboard.press('Enter');
  const key = await page.locator('#kc-totp-secret-key').innerText();
  await expect.poll(() => focused(page)).toBe('totp');
  await page.keyboard.type(await code(key));
  await page.keyboard.press('Tab');
  await expect.poll(() => focused(page)).toBe('userLabel');
  await page.keyboard.press('Tab');
  await expect.poll(() => focused(page)).toBe('saveTOTPBtn');
  await page.keyboard.press('Enter');
  await page.locator('#signed-in-as').waitFor();
});

describe.each([
  { name: 'small phone', width: 320, height: 568, colorScheme: 'light' as const },
  { name: 'phone in the dark', width: 390, height: 844, colorScheme: 'dark' as const },
  { name: 'desktop', width: 1280, height: 800, colorScheme: 'light' as const },
])('on a $name', ({ width, height, colorScheme }) => {
  test('every page fits, and axe-core finds nothing wrong', async () => {
    const phone = width < 500;
    const person = await visitor({ viewport: { width, height }, colorScheme, isMobile: phone, hasTouch: phone });
    const { page } = person;
    const look = async (title: string) => {
      await atPage(page, title);
      const shown = await page.evaluate<number>('document.documentElement.scrollWidth');
      expect.soft(shown, `width of "${title}"`).toBeLessThanOrEqual(width);
      expect.soft(await person.accessibility(), title).toEqual([]);
      for (const target of await page.getByRole('button').or(page.locator('.button')).all()) {
        // large enough for a thumb
        expect.soft((await target.boundingBox())?.height, title).toBeGreaterThanOrEqual(40);
      }
    };
    await look('Welcome');
    await page.getByRole('link', { name: 'Sign in' }).click();
    await look('Sign in to your account');
    await giveCredentials(page, 'watched@example.com', 'wrong');
    await page.getByRole('alert').waitFor();
    await look('Sign in to your account');
    await giveCredentials(page, 'watched@example.com', password);
    await look('Mobile authenticator setup');
    await unableToScan(page);
    await look('Mobile authenticator setup');
    await confirmEnrolment(page, '1');
    await page.getByRole('alert').waitFor();
    await look('Mobile authenticator setup');
    await page.getByRole('link', { name: 'Sign in as someone else' }).click();
    await giveCredentials(page, 'small', password);
    await look('One-time code');
    await giveCode(page, '1');
    await page.getByRole('alert').waitFor();
    await look('One-time code');
    await giveCode(page, await nextCode());
    await look('Signed in');
    await page.getByRole('link', { name: 'Sign out' }).click();
    await look('Sign out?');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await look('Welcome');
  });
});
