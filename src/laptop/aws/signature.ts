import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Secret } from '../../foundation/secret.ts';
import { Refusal } from './refusal.ts';

export interface AccessKey {
  readonly id: string;
  readonly secret: Secret;
  /** of a role: every request must bear it */
  readonly token?: Secret;
  /** epoch milliseconds */
  readonly expiresAt?: number;
  /** whose it is; default: the server's own */
  readonly account?: string;
  readonly user?: string;
}

export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The hash as the signer wants it. */
class Sha256 {
  #hash;
  readonly #key: string | ArrayBuffer | ArrayBufferView | undefined;
  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#key = key;
    this.#hash = this.#start();
  }
  #start() {
    if (this.#key === undefined) return createHash('sha256');
    return createHmac('sha256', typeof this.#key === 'string' ? this.#key : bytesOf(this.#key));
  }
  update(data: string | ArrayBuffer | ArrayBufferView) {
    this.#hash.update(typeof data === 'string' ? data : bytesOf(data));
  }
  digest() {
    return Promise.resolve(new Uint8Array(this.#hash.digest()));
  }
  reset() {
    this.#hash = this.#start();
  }
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

const form =
  /^AWS4-HMAC-SHA256 Credential=([\w]{1,128})\/(\d{8})\/([a-z0-9-]+)\/([a-z-]+)\/aws4_request, ?SignedHeaders=([a-z0-9;_-]+), ?Signature=([0-9a-f]{64})$/;

const invalid = (message: string) => new Refusal('InvalidSignatureException', message, 400);

/**
 * Verifies a Signature Version 4 by making it again with AWS's own signer.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 * @returns the access key that signed
 */
export async function verifySignature(
  request: SignedRequest,
  keys: ReadonlyMap<string, AccessKey>,
  expected: { readonly region: string; readonly service: string; readonly now: () => number },
): Promise<AccessKey> {
  const authorization = request.headers.authorization;
  if (authorization === undefined) {
    throw new Refusal('MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
  const match = form.exec(authorization);
  if (match === null) {
    throw new Refusal('IncompleteSignatureException', 'Authorization header is not a complete Signature Version 4.');
  }
  const [, id = '', day = '', region = '', service = '', names = '', signature = ''] = match;
  const key = keys.get(id);
  if (key === undefined) {
    throw new Refusal('UnrecognizedClientException', 'The security token included in the request is invalid.');
  }
  if (key.token !== undefined && key.token.reveal() !== request.headers['x-amz-security-token'])
    throw new Refusal('UnrecognizedClientException', 'The security token included in the request is invalid.');
  if (key.expiresAt !== undefined && expected.now() >= key.expiresAt)
    throw new Refusal('ExpiredTokenException', 'The security token included in the request is expired');
  if (region !== expected.region) throw invalid(`Credential should be scoped to a valid region, not '${region}'. `);
  if (service !== expected.service)
    throw invalid(`Credential should be scoped to correct service: '${expected.service}'. `);
  const signingDate = dateOf(request.headers['x-amz-date']);
  if (signingDate === undefined || !String(request.headers['x-amz-date']).startsWith(day)) {
    throw invalid('Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.');
  }
  // the signer's clock is the real one, whatever clock the secrets live by
  if (Math.abs(Date.now() - signingDate.getTime()) > 15 * 60_000) throw invalid('Signature expired.');
  const signed = new Set(names.split(';'));
  if (!signed.has('host')) throw invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.");
  const hash = request.headers['x-amz-content-sha256'];
  if (hash !== undefined && hash !== createHash('sha256').update(request.body).digest('hex')) {
    throw invalid('The provided x-amz-content-sha256 header does not match what was computed.');
  }
  const again = await new SignatureV4({
    credentials: { accessKeyId: id, secretAccessKey: key.secret.reveal() },
    region,
    service,
    sha256: Sha256,
    applyChecksum: false,
  }).sign(
    {
      method: request.method,
      protocol: 'http:',
      hostname: 'localhost',
      path: request.path,
      query: {},
      headers: Object.fromEntries([...signed].map((name) => [name, [request.headers[name] ?? ''].flat().join(',')])),
      body: request.body,
    },
    { signingDate, signableHeaders: signed },
  );
  const made = /Signature=([0-9a-f]{64})$/.exec(again.headers['authorization'] ?? '')?.[1] ?? '';
  if (made.length !== 64 || !timingSafeEqual(Buffer.from(made), Buffer.from(signature))) {
    throw invalid(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    );
  }
  return key;
}

function dateOf(header: string | string[] | undefined): Date | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(header));
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
