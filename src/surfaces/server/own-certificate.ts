import { createHash, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { ed25519KeyOf } from '../../foundation/ed25519.ts';

/** A certificate and its key, PEM. */
export interface OwnCertificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * What proves a broker on a loopback port, which anybody on the machine could take while it is down: an Ed25519 key
 * (RFC 8410) and a certificate that it signed itself. Both are made of the seed and the host alone, so that they are the
 * same after each start, and whoever has the certificate knows the broker by it.
 * @param seed 32 bytes, a key of the environment
 * @param host where it listens: a literal loopback address
 */
export function ownCertificate(seed: Uint8Array, host: string): OwnCertificate {
  const { secret: key, public: known } = ed25519KeyOf(seed);
  const publicKey = known.export({ format: 'der', type: 'spki' });
  const digest = createHash('sha256').update(publicKey).digest();
  const name = sequence(
    value(0x31, sequence(hex('0603550403'), text(`auth-chain broker ${digest.toString('hex', 0, 8)}`))),
  );
  const toBeSigned = sequence(
    value(0xa0, hex('020102')),
    // positive whatever the digest begins with
    value(0x02, hex('01'), digest.subarray(0, 8)),
    sequence(ed25519),
    name,
    // RFC 5280, section 4.1.2.5: no well-defined end
    sequence(value(0x17, Buffer.from('200101000000Z')), value(0x18, Buffer.from('99991231235959Z'))),
    name,
    publicKey,
    value(0xa3, sequence(sequence(hex('0603551d11'), value(0x04, sequence(...namesOf(host)))))),
  );
  const signature = value(0x03, hex('00'), sign(null, toBeSigned, key));
  return {
    cert: pem('CERTIFICATE', sequence(toBeSigned, sequence(ed25519), signature)),
    key: String(key.export({ format: 'pem', type: 'pkcs8' })),
  };
}

/** Names by which loopback is called. */
function namesOf(host: string): readonly Buffer[] {
  const hosts = new Set(['127.0.0.1', ...(isIP(host) === 4 ? [host] : [])]);
  const addresses = [...hosts].map((each) => Buffer.from(each.split('.').map(Number)));
  return [
    value(0x82, Buffer.from('localhost')),
    ...[...addresses, Buffer.concat([Buffer.alloc(15), hex('01')])].map((address) => value(0x87, address)),
  ];
}

const hex = (bytes: string) => Buffer.from(bytes, 'hex');
/** its object identifier, 1.3.101.112 */
const ed25519 = hex('06032b6570');

/** One value in distinguished encoding (X.690), of less than 64 KiB. */
function value(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const size = content.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const sequence = (...contents: readonly Uint8Array[]) => value(0x30, ...contents);
const text = (written: string) => value(0x0c, Buffer.from(written));

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
