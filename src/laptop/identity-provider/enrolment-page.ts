import type { OneTimePassword } from '../../foundation/totp.ts';
import { html, type Html } from './html.ts';
import { invalid, page, problem, startAgain, type SignInPage } from './pages.ts';

export interface EnrolmentPage extends SignInPage {
  readonly seed: OneTimePassword;
  /** data: URI; absent: the key is shown instead */
  readonly qrCode: string | undefined;
}

/** Where a user without a one-time password gets one; ids as in Keycloak's default theme. */
export function enrolmentPage({ uid, error, seed, qrCode }: EnrolmentPage): Html {
  const manual = qrCode === undefined;
  return page(
    'Mobile authenticator setup',
    html`<p class="soft">A one-time code from an authenticator is needed before you can sign in.</p>
      <ol id="kc-totp-settings">
        ${manual ? manualStep(uid, seed) : scanStep(uid, qrCode)}
        <li>Enter the code that it shows, and a name for the device if you like.</li>
      </ol>
      <form id="kc-totp-settings-form" method="post" action="/interaction/${uid}/enrol">
        <label for="totp">One-time code</label>
        <input
          class="code"
          id="totp"
          name="totp"
          type="text"
          inputmode="numeric"
          autocomplete="off"
          required
          autofocus
          ${invalid(error)}
        />
        ${problem('input-error-otp-code', error)}
        <input type="hidden" id="totpSecret" name="totpSecret" value="" />
        ${manual && html`<input type="hidden" id="mode" name="mode" value="manual" />`}
        <label for="userLabel">Device name (optional)</label>
        <input id="userLabel" name="userLabel" type="text" autocomplete="off" maxlength="100" />
        <button id="saveTOTPBtn" type="submit">Save and sign in</button>
      </form>
      ${startAgain(uid)}`,
  );
}

function manualStep(uid: string, seed: OneTimePassword): Html {
  const groups = seed.secret.reveal().match(/.{1,4}/g) ?? [];
  return html`<li>
    In your authenticator, enter this key by hand:
    <span id="kc-totp-secret-key">${groups.join(' ')}</span>
    <a id="mode-barcode" href="/interaction/${uid}?mode=qr">Scan a QR code instead</a>
    <ul>
      <li id="kc-totp-type">Type: Time-based</li>
      <li id="kc-totp-algorithm">Algorithm: ${seed.algorithm}</li>
      <li id="kc-totp-digits">Digits: ${seed.digits}</li>
      <li id="kc-totp-period">Interval: ${seed.period}</li>
    </ul>
  </li>`;
}

function scanStep(uid: string, qrCode: string): Html {
  return html`<li>
    Scan this with your authenticator:
    <img id="kc-totp-secret-qr-code" alt="QR code of the key" src="${qrCode}" />
    <a id="mode-manual" href="/interaction/${uid}?mode=manual">Unable to scan?</a>
  </li>`;
}
