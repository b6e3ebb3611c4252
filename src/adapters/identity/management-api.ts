import { createHttp, type HttpOptions } from '../../foundation/http.ts';
import type { Secret } from '../../foundation/secret.ts';

export interface ManagementApiOptions extends Pick<HttpOptions, 'development' | 'fetch' | 'deadline'> {
  /** the base of the API; paths are below it */
  readonly url: string;
  /** Gives the bearer token. Where one was refused it is told which, so that a cache can let go of it. */
  readonly token: (refused?: Secret) => Promise<Secret>;
  /** how the token is named in `Authorization`; default `Bearer` */
  readonly scheme?: string | undefined;
  /** of what is asked for and sent; default `application/json` */
  readonly mediaType?: string;
}

/** An answer, and the bearer token that it may quote. */
export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  readonly bearer: Secret;
}

export interface Asked {
  /** of the media type */
  readonly body?: string | undefined;
  /** it may be sent twice; default: what RFC 9110, section 9.2.2, says of its method */
  readonly repeatable?: boolean;
}

/** One request to the API by which a provider's users are managed; what it answers is for the caller to judge. */
export type ManagementApi = (method: string, path: string, asked?: Asked) => Promise<Told>;

/** JSON with a bearer token. A token that is refused is given back once, for a fresh one. */
export function createManagementApi(options: ManagementApiOptions): ManagementApi {
  const { token, scheme = 'Bearer', mediaType = 'application/json' } = options;
  const base = baseOf(options.url);
  const send = createHttp({ ...options, peer: 'the identity provider' });
  const accept = mediaType === 'application/json' ? mediaType : `${mediaType}, application/json`;
  return async (method, path, { body, repeatable } = {}) => {
    const url = new URL(path, base).href;
    const once = async (bearer: Secret): Promise<Told> => {
      const response = await send(url, {
        method,
        headers: {
          accept,
          authorization: `${scheme} ${bearer.reveal()}`,
          ...(body === undefined ? {} : { 'content-type': mediaType }),
        },
        ...(body === undefined ? {} : { body }),
        ...(repeatable === undefined ? {} : { repeatable }),
      });
      return { status: response.status, headers: response.headers, body: await response.text(), bearer };
    };
    const bearer = await token();
    const answer = await once(bearer);
    if (answer.status !== 401) return answer;
    const fresh = await token(bearer);
    return fresh.equals(bearer) ? answer : once(fresh);
  };
}

/** An address that paths can be put below. */
export function baseOf(url: string): URL {
  return new URL(url.endsWith('/') ? url : `${url}/`);
}
