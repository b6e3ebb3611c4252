/** STS's query protocol: a form in, XML out. Only what a pusher asks: who am I? */
export function answerSts(
  body: string,
  caller: { readonly account: string; readonly user: string; readonly accessKeyId: string },
): {
  readonly status: number;
  readonly xml: string;
} {
  const form = new URLSearchParams(body);
  const requestId = crypto.randomUUID();
  const action = form.get('Action');
  if (action !== 'GetCallerIdentity') {
    return failSts(400, 'InvalidAction', `Could not find operation ${action ?? ''} for version 2011-06-15`);
  }
  return {
    status: 200,
    xml: `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>${caller.user}</Arn><UserId>${escape(caller.accessKeyId)}</UserId><Account>${caller.account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
  };
}

export function failSts(status: number, code: string, message: string): { status: number; xml: string } {
  return {
    status,
    xml: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${escape(code)}</Code><Message>${escape(message)}</Message></Error><RequestId>${crypto.randomUUID()}</RequestId></ErrorResponse>`,
  };
}

function escape(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
