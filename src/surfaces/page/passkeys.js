// The browser's passkeys. toJSON() of a credential fails where an extension plays the authenticator: fields are copied.

/** @param {string} text */
function bytesOf(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (each) => each.charCodeAt(0));
}

/** @param {ArrayBuffer} bytes */
function textOf(bytes) {
  const text = Array.from(new Uint8Array(bytes), (each) => String.fromCharCode(each)).join('');
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @param {readonly { id: string }[]} [list] */
const ids = (list = []) => list.map((each) => ({ ...each, id: bytesOf(each.id) }));

/** Makes a passkey. Call it in a click, with nothing awaited before. @param {any} options as the broker gives them */
export async function makePasskey(options) {
  const { user, challenge, excludeCredentials } = options;
  const made = await asked(() =>
    navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytesOf(challenge),
        user: { ...user, id: bytesOf(user.id) },
        excludeCredentials: ids(excludeCredentials),
      },
    }),
  );
  const { response } = made;
  return {
    id: textOf(made.rawId),
    clientDataJSON: textOf(response.clientDataJSON),
    authenticatorData: textOf(response.getAuthenticatorData()),
    publicKey: textOf(response.getPublicKey()),
    publicKeyAlgorithm: response.getPublicKeyAlgorithm(),
  };
}

/** Signs with a passkey. Call it in a click, with nothing awaited before: Safari shows nothing otherwise. @param {any} options */
export async function signWithPasskey(options) {
  const { challenge, allowCredentials } = options;
  const given = await asked(() =>
    navigator.credentials.get({
      publicKey: { ...options, challenge: bytesOf(challenge), allowCredentials: ids(allowCredentials) },
    }),
  );
  const { response } = given;
  return {
    id: textOf(given.rawId),
    clientDataJSON: textOf(response.clientDataJSON),
    authenticatorData: textOf(response.authenticatorData),
    signature: textOf(response.signature),
  };
}

/** None of these is a no: that is a signed one. */
const failures = {
  NotAllowedError: 'No passkey answered: it was cancelled, took too long, or none here fits. Nothing was decided.',
  InvalidStateError: 'This device has a passkey for you already.',
  SecurityError: `Passkeys do not work at this address. Open the page as the command prints it.`,
  AbortError: 'Another request for a passkey took its place. Try again.',
};

/** @param {() => Promise<any>} call @returns {Promise<any>} */
async function asked(call) {
  if (typeof PublicKeyCredential === 'undefined')
    throw new Error('This browser has no passkeys here: they need https, or localhost.');
  try {
    return await call();
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    throw new Error(failures[name] ?? `The passkey failed: ${String(error)}`, { cause: error });
  }
}
