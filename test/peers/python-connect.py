"""The Python client of 1Password Connect, driven line by line: a JSON array [method, ...arguments] in, one JSON object out."""

import json
import sys

from onepasswordconnectsdk.client import new_client
from onepasswordconnectsdk.models import Field, GeneratorRecipe, Item, ItemVault
from onepasswordconnectsdk import load_dict

client = None


def connect(address, token):
    global client
    client = new_client(address, token)


def plain(value):
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.decode()
    return value.to_dict() if hasattr(value, "to_dict") else value


def login(vault, title, length):
    recipe = GeneratorRecipe(length=length, character_sets=["LETTERS", "DIGITS"])
    return Item(
        title=title,
        category="LOGIN",
        tags=["python"],
        vault=ItemVault(id=vault),
        fields=[
            Field(purpose="USERNAME", label="username", value="ada"),
            Field(purpose="PASSWORD", label="password", type="CONCEALED", generate=True, recipe=recipe),
        ],
    )


def retitle(vault, item, title):
    found = client.get_item_by_id(item, vault)
    found.title = title
    return client.update_item(item, vault, found)


methods = {
    "connect": connect,
    "vaults": lambda: client.get_vaults(),
    "vault": lambda title: client.get_vault_by_title(title),
    "items": lambda vault: client.get_items(vault),
    "item": lambda item, vault: client.get_item(item, vault),
    "create": lambda vault, title, length: client.create_item(vault, login(vault, title, length)),
    "retitle": retitle,
    "delete": lambda item, vault: client.delete_item(item, vault),
    "files": lambda item, vault: client.get_files(item, vault),
    "content": lambda file, item, vault: client.get_file_content(file, item, vault),
    "load": lambda config: load_dict(client, config),
}

for line in sys.stdin:
    method, *arguments = json.loads(line)
    try:
        answer = {"value": plain(methods[method](*arguments))}
    except Exception as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps(answer, default=str), flush=True)
