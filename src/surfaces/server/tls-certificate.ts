import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type Server } from 'node:tls';
import { FlowError } from '../../foundation/errors.ts';
import type { Logger } from './log.ts';

/** PEM files, as `server.tls` names them. */
export interface TlsFiles {
  /** the certificate, and those that lead from it to a root */
  readonly certificate: string;
  /** its private key; nobody else may read it */
  readonly key: string;
}

export interface TlsMaterial {
  readonly files: TlsFiles;
  readonly cert: Buffer;
  readonly key: Buffer;
  /** DNS names of the certificate in use, lower-case */
  names(): readonly string[];
  /** takes these instead */
  use(renewed: Pick<TlsMaterial, 'names'>): void;
}

/** @throws FlowError invalid where a file cannot be read or they do not fit each other, refused where others can read the key */
export function readTls(files: TlsFiles): TlsMaterial {
  const { certificate, key } = files;
  const [cert, privateKey] = [read(certificate), read(key)];
  if ((statSync(key).mode & 0o007) !== 0) {
    throw new FlowError('refused', `${key} can be read by everyone`, { hint: `chmod 640 ${key}, or stricter` });
  }
  try {
    createSecureContext({ cert, key: privateKey });
    let names: readonly string[] = namesOf(new X509Certificate(cert));
    return {
      files,
      cert,
      key: privateKey,
      names: () => names,
      use(renewed) {
        names = renewed.names();
      },
    };
  } catch (cause) {
    throw new FlowError('invalid', `${certificate} and ${key} are not a certificate and its key`, {
      hint: 'both are PEM; the certificate stands first in its file',
      cause,
    });
  }
}

/** milliseconds between looks at the files */
const lookEvery = 60_000;

/** Takes a renewed certificate without a restart. One that cannot be used leaves the old one in place, and is told of. */
export function keepCertificate<S extends Server>(server: S, first: TlsMaterial, log: Logger): S {
  let current = first;
  const look = () => {
    try {
      const renewed = readTls(first.files);
      const { cert, key } = renewed;
      if (cert.equals(current.cert) && key.equals(current.key)) return;
      server.setSecureContext({ cert, key });
      current = renewed;
      first.use(renewed);
      log.info('the certificate was renewed');
    } catch (error) {
      log.error({ error }, 'the certificate cannot be renewed');
    }
  };
  const interval = setInterval(look, lookEvery).unref();
  return server.once('close', () => clearInterval(interval));
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new FlowError('invalid', `cannot read ${file}`, {
      hint: 'server.tls names certificate and key files',
      cause,
    });
  }
}

function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return [...subjectAltName.matchAll(/DNS:([a-z0-9.-]+)/gi)].flatMap(([, name]) =>
    name === undefined ? [] : [name.toLowerCase()],
  );
}
