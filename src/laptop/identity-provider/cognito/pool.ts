import { type Request, type Response, Router, text } from 'express';
import { Refusal } from '../../aws/refusal.ts';
import { type AccessKey, verifySignature } from '../../aws/signature.ts';
import { answerCallerIdentity, answerWebIdentity, failStsAs, isSts } from '../../aws/sts.ts';
import type { Double, DoubleOptions } from '../double.ts';
import { createSessions } from '../refresh-sessions.ts';
import type { Operations } from './requests.ts';
import { secretsApi } from './secrets-api.ts';
import { signInApi } from './sign-in-api.ts';
import { usersApi } from './users-api.ts';

const type = 'application/x-amz-json-1.1';
const service = 'AWSCognitoIdentityProviderService.';
/** Whoever asks for these has a token or a session, and no access key. */
const unsigned: readonly string[] = ['AssociateSoftwareToken', 'VerifySoftwareToken', 'RevokeToken'];

/**
 * A Cognito user pool over the laptop's own users and clients (awsJson1_1): the operations that an adapter uses, as AWS's
 * service model has them. Its one access key is `laptop`, with the laptop's bearer as its secret; whatever the pool is
 * called, it is this one. At the same address it is STS, which says whose a key is, and gives roles.
 */
export const cognitoPool: Double = {
  type: 'cognito',
  path: '/cognito',
  mount(options: DoubleOptions): Router {
    const sessions = createSessions(options.now, 0);
    const operations: Operations = {
      ...usersApi(options.users, sessions),
      ...signInApi(options, sessions),
      ...secretsApi(options.clientSecrets),
    };
    const keys = new Map<string, AccessKey>([['laptop', { id: 'laptop', secret: options.token }]]);
    const own = { account: '123456789012', user: 'arn:aws:iam::123456789012:user/laptop' };

    function signed({ method, originalUrl: path, headers }: Request, body: string, by: string): Promise<AccessKey> {
      const expected = { region: 'eu-west-1', service: by, now: options.now };
      return verifySignature({ method, path, headers, body }, keys, expected);
    }

    async function answerSts(request: Request, body: string) {
      const form = new URLSearchParams(body);
      if (form.get('Action') !== 'AssumeRoleWithWebIdentity') {
        const key = await signed(request, body, 'sts');
        return answerCallerIdentity(body, { ...own, ...key, accessKeyId: key.id });
      }
      const trust = options.roles[form.get('RoleArn') ?? ''];
      return answerWebIdentity(body, { trust, now: options.now, issued: (key) => void keys.set(key.id, key) });
    }

    async function answer(request: Request, body: string): Promise<object> {
      const target = request.get('X-Amz-Target') ?? '';
      const name = target.startsWith(service) ? target.slice(service.length) : '';
      if (!unsigned.includes(name)) await signed(request, body, 'cognito-idp');
      const perform = Object.hasOwn(operations, name) ? operations[name] : undefined;
      if (perform === undefined) throw new Refusal('UnknownOperationException', '');
      return perform(JSON.parse(body));
    }

    const router = Router();
    const types = [type, 'application/x-www-form-urlencoded'];
    router.post('/cognito', text({ type: types, limit: '100kb' }), async (request, response) => {
      const body = typeof request.body === 'string' ? request.body : '';
      const sts = isSts(request.headers);
      try {
        if (sts) sendXml(response, await answerSts(request, body));
        else send(response, 200, await answer(request, body));
      } catch (error) {
        const refusal = error instanceof Refusal ? error : new Refusal('InternalErrorException', '', 500);
        if (sts) sendXml(response, failStsAs(refusal));
        else send(response, refusal.status, { __type: refusal.type, message: refusal.message });
      }
    });
    return router;
  },
};

function sendXml(response: Response, { status, xml }: { readonly status: number; readonly xml: string }): void {
  response.status(status).type('text/xml').send(xml);
}

function send(response: Response, status: number, body: object): void {
  response.status(status).type(type).send(JSON.stringify(body));
}
