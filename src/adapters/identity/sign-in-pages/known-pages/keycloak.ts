import type { PageSelectors } from './selectors.ts';

/** Keycloak 26, default theme; the laptop's provider has the same ids. */
export const keycloak: PageSelectors = {
  password: { form: '#kc-form-login', username: 'username', password: 'password' },
  oneTimeCode: { form: '#kc-otp-login-form', code: 'otp' },
  newPassword: { form: '#kc-passwd-update-form' },
  enrolment: {
    form: '#kc-totp-settings-form',
    code: 'totp',
    // without it a wrong code brings the QR page instead of the key
    extra: { mode: 'manual', userLabel: 'vault' },
    manual: '#mode-manual',
    key: '#kc-totp-secret-key',
    counter: '#kc-totp-counter',
    algorithm: '#kc-totp-algorithm',
    digits: '#kc-totp-digits',
    period: '#kc-totp-period',
  },
  signOut: { form: '#kc-logout-confirm', extra: { confirmLogout: 'Logout' } },
};
