"""The Python SDK of 1Password, driven line by line: a JSON array [method, ...arguments] in, one JSON object out."""

import asyncio
import json
import sys

from onepassword import Client, Item, ItemCreateParams, ItemListFilterByState, ItemListFilterByStateInner

client = None


def plain(value):
    if hasattr(value, "model_dump"):
        return value.model_dump(by_alias=True, mode="json")
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


async def authenticate(token):
    global client
    client = await Client.authenticate(auth=token, integration_name="peer", integration_version="1")


async def archived(vault_id):
    state = ItemListFilterByState(content=ItemListFilterByStateInner(active=False, archived=True))
    return await client.items.list(vault_id, state)


methods = {
    "authenticate": authenticate,
    "resolve": lambda reference: client.secrets.resolve(reference),
    "resolve_all": lambda references: client.secrets.resolve_all(references),
    "vaults": lambda: client.vaults.list(),
    "items": lambda vault_id: client.items.list(vault_id),
    "archived": archived,
    "get": lambda vault_id, item_id: client.items.get(vault_id, item_id),
    "create": lambda params: client.items.create(ItemCreateParams.model_validate(params)),
    "create_all": lambda vault_id, params: client.items.create_all(
        vault_id, [ItemCreateParams.model_validate(each) for each in params]
    ),
    "put": lambda item: client.items.put(Item.model_validate(item)),
    "archive": lambda vault_id, item_id: client.items.archive(vault_id, item_id),
    "delete": lambda vault_id, item_id: client.items.delete(vault_id, item_id),
}


async def main():
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if line == "":
            return
        method, *arguments = json.loads(line)
        try:
            answer = {"value": plain(await methods[method](*arguments))}
        except Exception as error:
            answer = {"error": type(error).__name__, "message": str(error)}
        print(json.dumps(answer), flush=True)


asyncio.run(main())
