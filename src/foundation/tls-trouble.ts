const remedies: readonly (readonly [code: RegExp, hint: string])[] = [
  [
    /SELF_SIGNED|^UNABLE_TO_/,
    'nothing here vouches for its certificate: an authority of your own goes into NODE_EXTRA_CA_CERTS',
  ],
  [/^CERT_HAS_EXPIRED$/, 'its certificate is over: it needs another, unless the clock here is wrong'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet: look at the clock here'],
  [/ALTNAME_INVALID$/, 'its certificate is for another name: write the address by that one'],
  [/WRONG_VERSION_NUMBER$|PACKET_LENGTH_TOO_LONG$/, 'it speaks no TLS there: check the port of the address'],
];

/**
 * What to do about what OpenSSL and Node say of another's TLS; undefined where it is none of that.
 * @param code as `CERT_HAS_EXPIRED`
 */
export function tlsHint(code: string): string | undefined {
  return remedies.find(([codes]) => codes.test(code))?.[1];
}
