import { html, type Html } from './html.ts';

/**
 * The sign-in pages. Ids and names of forms are those of Keycloak 26's default theme, so that one driver, and one
 * person's habit, serves both.
 */
export interface SignInPage {
  readonly uid: string;
  readonly error?: string | undefined;
}

export function page(title: string, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/assets/style.css" />
        <link rel="icon" href="data:," />
      </head>
      <body>
        <main>
          <header>Development identity provider</header>
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html> `;
}

export function loginPage({ uid, error, username }: SignInPage & { readonly username?: string | undefined }): Html {
  return page(
    'Sign in to your account',
    html`<form id="kc-form-login" method="post" action="/interaction/${uid}/login">
      <label for="username">Username</label>
      <input
        id="username"
        name="username"
        type="text"
        autocomplete="username"
        autocapitalize="none"
        required
        value="${username}"
        ${invalid(error)}
        ${username === undefined && html`autofocus`}
      />
      <label for="password">Password</label>
      <input
        id="password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
        ${invalid(error)}
        ${username !== undefined && html`autofocus`}
      />
      ${problem('input-error-username', error)}
      <input type="hidden" id="id-hidden-input" name="credentialId" value="" />
      <button id="kc-login" name="login" type="submit">Sign in</button>
    </form>`,
  );
}

export function oneTimeCodePage({ uid, error, userName }: SignInPage & { readonly userName: string }): Html {
  return page(
    'One-time code',
    html`<p class="soft">Signing in as ${userName}.</p>
      <form id="kc-otp-login-form" method="post" action="/interaction/${uid}/otp">
        <label for="otp">Code from your authenticator</label>
        <input
          class="code"
          id="otp"
          name="otp"
          type="text"
          inputmode="numeric"
          autocomplete="one-time-code"
          required
          autofocus
          ${invalid(error)}
        />
        ${problem('input-error-otp-code', error)}
        <button id="kc-login" name="login" type="submit">Sign in</button>
      </form>
      ${startAgain(uid)}`,
  );
}

/** For a user whose password has expired. */
export function newPasswordPage({ uid, error }: SignInPage): Html {
  const input = (id: string, label: string) =>
    html`<label for="${id}">${label}</label>
      <input id="${id}" name="${id}" type="password" autocomplete="new-password" required ${invalid(error)} />`;
  return page(
    'Update password',
    html`<p class="soft">Your password has expired: choose another one.</p>
      <form id="kc-passwd-update-form" method="post" action="/interaction/${uid}/password">
        ${input('password-new', 'New password')} ${input('password-confirm', 'Once more')}
        ${problem('input-error-password', error)}
        <button type="submit">Submit</button>
      </form>
      ${startAgain(uid)}`,
  );
}

export function logoutPage(userName: string | undefined, form: Html): Html {
  return page(
    'Sign out?',
    html`<p>You are signed in${userName !== undefined && html` as <strong>${userName}</strong>`}.</p>
      ${form}`,
  );
}

export function messagePage(title: string, message: string): Html {
  return page(
    title,
    html`<p>${message}</p>
      <a class="button" href="/">Continue</a>`,
  );
}

/** The way out for whoever gave another's name. */
export function startAgain(uid: string): Html {
  return html`<p class="soft"><a id="reset-login" href="/interaction/${uid}/restart">Sign in as someone else</a></p>`;
}

/** What was wrong with what was entered. */
export function problem(id: string, error: string | undefined): Html | undefined {
  return error === undefined ? undefined : html`<span class="error" id="${id}" role="alert">${error}</span>`;
}

/** Marks a field of a form that comes back. */
export function invalid(error: string | undefined): Html | undefined {
  return error === undefined ? undefined : html`aria-invalid="true"`;
}
