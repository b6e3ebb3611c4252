import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A key with its certificate and that one's thumbprints, and the certificate of another key: all by openssl. */
export const certified = make();

function make() {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  try {
    const at = (name: string) => join(folder, name);
    const openssl = (...argv: string[]) => execFileSync('openssl', argv, { stdio: ['ignore', 'pipe', 'ignore'] });
    const selfSigned = (name: string) => {
      const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
      openssl('req', '-x509', ...curve, '-keyout', at(`${name}.key`), '-out', at(`${name}.pem`), '-subj', '/CN=c');
      return readFileSync(at(`${name}.pem`), 'utf8');
    };
    const certificate = selfSigned('one');
    const thumbprint = (digest: string) => {
      const said = openssl('x509', '-in', at('one.pem'), '-noout', '-fingerprint', digest).toString();
      return Buffer.from((said.split('=')[1] ?? '').replace(/[^0-9A-F]/gi, ''), 'hex').toString('base64url');
    };
    const [sha1, sha256] = [thumbprint('-sha1'), thumbprint('-sha256')];
    return { key: readFileSync(at('one.key'), 'utf8'), certificate, sha1, sha256, other: selfSigned('two') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
