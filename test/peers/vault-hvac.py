"""hvac, as its users use it: JSON with addresses and tokens in, what it got out."""

import json
import sys

import hvac

asked = json.load(sys.stdin)
# what it has no exception for
unsupported = "unsupported operation"
statuses = {"Forbidden": 403, "InvalidPath": 404, "InvalidRequest": 400}


def client(token=None):
    return hvac.Client(url=asked["url"], token=token)


def refused(work):
    try:
        work()
        return 200
    except hvac.exceptions.VaultError as error:
        return 405 if unsupported in str(error) else statuses.get(type(error).__name__, str(error))


def version_2(of, path):
    return of.secrets.kv.v2.read_secret_version(path=path, raise_on_deleted_version=True)["data"]["data"]


mine = client(asked["mine"])
ci = client()
auth = ci.auth.jwt.jwt_login(role="ci", jwt=asked["jwt"])["auth"]
ci.token = auth["client_token"]
assert ci.is_authenticated() and not client("none").is_authenticated()
login = [auth["policies"], ci.auth.token.lookup_self()["data"]["policies"], version_2(ci, "openai.api_key")["value"]]
ci.auth.token.revoke_self()
assert mine.sys.read_health_status().status_code == 200 and mine.sys.is_initialized()
here = "op/vaults/Engineering/items"
engineer = client(asked["engineer"])
titles = lambda path: sorted(engineer.list(path)["data"]["key_info"].values())
made = here + "/made here"


def written(**fields):
    engineer.write_data(made, data=fields)
    return engineer.read(made)["data"]


items = {
    "vaults": titles("op/vaults"),
    "listed": titles(here),
    "read": engineer.read(here + "/Deploy key")["data"],
    "made": written(username="ada", password="first"),
    "changed": written(password="second"),
}
engineer.delete(made)
items["refused"] = [
    refused(lambda: engineer.read(made)),
    refused(lambda: engineer.read(here + "/Root key")),
    refused(lambda: engineer.delete(here + "/Deploy key")),
    refused(lambda: engineer.list("op/vaults/Finance/items")),
    refused(lambda: client(asked["other"]).read(here + "/Deploy key")),
]
print(
    json.dumps(
        {
            "named": version_2(mine, "openai.api_key"),
            "old": version_2(mine, "team/app"),
            "first": mine.secrets.kv.v1.read_secret(path="github.token", mount_point="kv")["data"],
            "names": mine.secrets.kv.v2.list_secrets(path="")["data"]["keys"],
            "code": mine.read("totp/code/code")["data"]["code"],
            "write": refused(lambda: mine.secrets.kv.v2.create_or_update_secret(path="new", secret={"a": "1"})),
            "denied": refused(lambda: version_2(client(asked["other"]), "openai.api_key")),
            "missing": refused(lambda: version_2(mine, "none")),
            "sealed": mine.sys.is_sealed(),
            "own": mine.auth.token.lookup_self()["data"]["policies"],
            "login": login,
            "items": items,
            "revoked": refused(ci.auth.token.lookup_self),
        }
    )
)
