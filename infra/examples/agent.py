#!/usr/bin/env python3
"""An agent that gets a token and a secret from the broker, with nothing but Python's standard library.

    FLOWS_BROKER=http://127.0.0.1:7700 FLOWS_AGENT_TOKEN_FILE=… python3 agent.py https://orders.example/orders

FLOWS_BROKER is http at a loopback address, https, or unix:/PATH. On loopback the broker proves itself before anything is
sent to it: by the certificate that it leaves in this user's state folder, or that another user's leaves in /run/auth-chain
(SSL_CERT_FILE names another). Copy the class into a program of your own.
"""

import calendar
import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import stat
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request


class BrokerError(Exception):
    """Why the broker gave nothing: branch on `code`; the operator finds the reason by `request_id`."""

    def __init__(self, code, status=None, request_id=None, names=(), retry_after=None, detail=None):
        told = [code, ", ".join(names), detail and f"({detail})", request_id and f"(request {request_id})"]
        super().__init__(" ".join(part for part in told if part))
        self.code, self.status, self.request_id = code, status, request_id
        self.names, self.retry_after = list(names), retry_after


class Broker:
    """A client of one broker. What it gives is plain text: keep it no longer than it lasts, and out of logs."""

    LARGEST = 16 * 1024 * 1024

    def __init__(self, address, token_file, deadline=30, run_id=None, clocks=None):
        self.address, self.deadline = address, deadline
        self.credential = lambda: _token_in(token_file)
        self.clocks = clocks or _clocks
        self.headers = {} if run_id is None else {"X-Agent-Run-Id": run_id}
        self.tokens, self.leases = {}, {}
        self._connection().close()

    def token(self, flow):
        """The access token of a flow, kept until shortly before its expiry."""
        return self._granted(flow)[0]

    def _granted(self, flow):
        kept = self.tokens.get(flow)
        if kept and self._lasts(kept[2]):
            return kept
        asked = self.clocks()
        answer = self._post(f"/v1/tokens/{urllib.parse.quote(flow, safe='')}")
        try:
            granted = (answer["access_token"], answer.get("audience", ()), _ends(asked, answer.get("expires_in", 0)))
        except (KeyError, TypeError) as cause:
            raise BrokerError("protocol") from cause
        self.tokens[flow] = granted
        return granted

    def secrets(self, names):
        """Secrets by their names in registry.yaml, all or none, kept while their leases last."""
        asked = self.clocks()
        self.leases = {name: lease for name, lease in self.leases.items() if self._lasts(lease[1])}
        missing = [name for name in dict.fromkeys(names) if name not in self.leases]
        answer = self._post("/v1/secrets/resolve", {"secrets": missing}) if missing else {}
        try:
            for name in missing:
                found = answer["resolved"][name]
                self.leases[name] = (found["value"], _ends(asked, _epoch(found["expiresAt"]) - asked[1]))
        except (AttributeError, KeyError, TypeError, ValueError) as cause:
            raise BrokerError("protocol") from cause
        return {name: self.leases[name][0] for name in names}

    @contextlib.contextmanager
    def run(self, allow=None, expires=None, reason=None, heartbeat=900):
        """Work as an agent run: `with broker.run(allow=["github.*"], expires=1800) as run:` (seconds).

        It has what `allow` lists and its agent may have; a run begun with it has no more and lives no longer. It is kept
        alive while the work goes on, and is lost `heartbeat` seconds after this process died.
        """
        body = {"allow": allow, "expires_in": expires, "reason": reason, "heartbeat_within": heartbeat}
        begun = self._post("/v1/agent-runs", {name: said for name, said in body.items() if said is not None})
        run, over = Run(self, begun), threading.Event()
        words = threading.Thread(target=run._keep_alive, args=(over, min(heartbeat / 3, 1200)), daemon=True)
        words.start()
        outcome = "failed"
        try:
            yield run
            outcome = "succeeded"
        finally:
            over.set()
            words.join()
            try:
                run._post(f"{run.path}/finish", {"outcome": outcome})
            except BrokerError:
                pass  # a run that nobody speaks of ends by itself
            run._end()

    def _lasts(self, ends):
        return all(now < end for now, end in zip(self.clocks(), ends))

    def open(self, flow, url, data=None, headers=None, origins=None):
        """urlopen with the flow's token; a token that the API refuses is reported, and another one tried once.

        It goes to `origins`, as https://orders.example; default those of the flow's audience and resources.
        """
        target = urllib.parse.urlsplit(url)
        if target.scheme != "https" and not (target.scheme == "http" and _is_loopback(target.hostname)):
            raise ValueError("a token goes over https, or plain http to a loopback address")
        first, audience, _ = self._granted(flow)
        if _origin(url) not in [_origin(each) for each in (audience if origins is None else origins)]:
            raise ValueError(f"the token of {flow} is not for {url}: name it in origins, if it is")
        try:
            return self._send(first, url, data, headers)
        except urllib.error.HTTPError as refused:
            if refused.code != 401:
                raise
            self.tokens.pop(flow, None)
            try:
                digest = hashlib.sha256(first.encode()).hexdigest()
                self._post(f"/v1/tokens/{urllib.parse.quote(flow, safe='')}/rejected", {"token_hash": digest})
                second = self.token(flow)
            except BrokerError:
                raise refused from None
            if second == first:
                raise
            return self._send(second, url, data, headers)

    def _send(self, token, url, data, headers):
        request = urllib.request.Request(url, data, {**(headers or {}), "Authorization": f"Bearer {token}"})
        # neither a proxy nor a redirect gets to see the token
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)
        return opener.open(request, timeout=self.deadline)

    def _post(self, path, body=None):
        credential = self.credential()
        headers = {**self.headers, "Authorization": f"Bearer {credential}", "Content-Length": "0"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers.update({"Content-Type": "application/json", "Content-Length": str(len(data))})
        connection = self._connection()
        try:
            connection.request("POST", path, data, headers)
            response = connection.getresponse()
            text = response.read(self.LARGEST + 1)
            if len(text) > self.LARGEST:
                raise BrokerError("protocol")
        except ssl.SSLError as cause:
            detail = f"{self.address}: nothing proves that the broker answers there ({_reason(cause)})"
            raise BrokerError("unsafe", detail=detail) from cause
        except (OSError, http.client.HTTPException) as cause:
            raise BrokerError("unreachable", detail=f"{self.address}: {_reason(cause)}") from cause
        finally:
            connection.close()
        return self._content(response, text)

    def _content(self, response, text):
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict) or (response.status != 200 and "code" not in content):
            raise BrokerError("protocol", response.status, response.headers.get("X-Request-Id"))
        if response.status == 200:
            return content
        retry_after = response.headers.get("Retry-After")
        raise BrokerError(
            content["code"],
            response.status,
            response.headers.get("X-Request-Id"),
            content.get("names", ()),
            int(retry_after) if (retry_after or "").isdecimal() else None,
        )

    def _connection(self):
        if self.address.startswith("unix:"):
            return _SocketConnection(self.address[len("unix:") :], self.deadline)
        try:
            target = urllib.parse.urlsplit(self.address)
            named = target.hostname and target.port != 0
        except ValueError:
            named = False
        if named and target.scheme == "https":
            return http.client.HTTPSConnection(target.hostname, target.port, timeout=self.deadline)
        if named and target.scheme == "http" and _is_loopback(target.hostname):
            # TLS all the same: the port is anybody's while the broker is down
            known, more = "".join(_certificates()), os.environ.get("SSL_CERT_FILE", "")
            context = ssl.create_default_context(cadata=known or None)
            # where it is given some, Python does not look there
            if known and os.path.isfile(more):
                context.load_verify_locations(more)
            port = target.port or 80
            return http.client.HTTPSConnection(target.hostname, port, timeout=self.deadline, context=context)
        raise ValueError("FLOWS_BROKER: https, http at a loopback address, or unix:/PATH")


class Run(Broker):
    """A client as one agent run: `id` as the audit trail has it, `credential()` for a process that asks as this run."""

    def __init__(self, broker, begun):
        self.address, self.deadline, self.clocks = broker.address, broker.deadline, broker.clocks
        self.headers, self.tokens, self.leases = broker.headers, {}, {}
        self.credential = lambda: self.own
        self._take(begun)

    def _take(self, told):
        try:
            self.id, self.own, self.expires = str(told["run"]), str(told["token"]), told["expires_at"]
        except KeyError as cause:
            raise BrokerError("protocol") from cause
        self.path = f"/v1/agent-runs/{urllib.parse.quote(self.id, safe='')}"

    def _keep_alive(self, over, interval):
        wait = interval
        while not over.wait(wait):
            try:
                self._take(self._post(f"{self.path}/heartbeat"))
                wait = interval
            except BrokerError as refusal:
                if refusal.code == "run-ended":
                    return
                wait = interval / 4

    def _end(self):
        def ended():
            raise BrokerError("run-ended", detail=f"agent run {self.id} is over")

        self.tokens, self.leases, self.credential = {}, {}, ended


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket that is this user's or root's."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        found = os.lstat(self.path)
        if not stat.S_ISSOCK(found.st_mode) or found.st_uid not in (os.getuid(), 0):
            raise PermissionError("the socket is another user's: nothing was sent")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _token_in(path):
    try:
        with open(path, encoding="ascii") as file:  # anew each time: it may have been rotated
            credential = re.sub(r"\r?\n\Z", "", file.read(16384))
    except OSError as cause:
        raise BrokerError("no-credential", detail=f"{path}: {cause.strerror}") from cause
    except UnicodeDecodeError:
        credential = ""
    if not re.fullmatch(r"[!-~]+", credential):
        raise BrokerError("no-credential", detail=f"{path} holds no token")
    return credential


def _certificates():
    """Of the brokers that this user runs, by their notes, and of the one that root lets run as another user."""
    state = os.environ.get("XDG_STATE_HOME", "")
    folder = os.path.join(state if os.path.isabs(state) else os.path.expanduser("~/.local/state"), "auth-chain")
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if re.fullmatch(r"broker-[0-9a-f]+\.json", name):
            yield _certificate(os.path.join(folder, name), os.getuid(), lambda text: json.loads(text)["certificate"])
    if _is_others("/run", 0) is False and _is_others("/run/auth-chain") is False:
        yield _certificate("/run/auth-chain/broker.pem", None, str)


def _certificate(path, owner, read):
    try:
        if _is_others(path, owner):
            return ""
        with open(path, encoding="utf-8") as file:
            text = str(read(file.read()))
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return text if text.startswith("-----BEGIN CERTIFICATE-----") else ""


def _is_others(path, owner=None):
    """Whether others can have made or written it; None where it is not there."""
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        return None
    return facts.st_mode & 0o022 != 0 or owner not in (None, facts.st_uid)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def _clocks():
    """One that nobody sets, and the wall clock, which goes on while the machine sleeps where the first does not."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)  # Linux has it, and it counts sleep
    return time.monotonic() if boot is None else time.clock_gettime(boot), time.time()


def _ends(asked, lasts):
    """Shortly before it ends, by each clock: whichever is there first."""
    return [now + lasts - min(30, lasts / 10) for now in asked]


def _reason(error):
    """What the system says of a connection, without the wrappings."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def _is_loopback(host):
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host or "") is not None


def _origin(url):
    target = urllib.parse.urlsplit(url)
    return target.scheme, target.hostname, target.port or {"https": 443, "http": 80}.get(target.scheme)


def _epoch(text):
    """Seconds of an RFC 3339 time in UTC, as the broker writes it."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = time.strptime(whole, "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(seconds) + float(f"0.{fraction or 0}")


def main(url):
    token_file = os.environ.get("FLOWS_AGENT_TOKEN_FILE")
    if not token_file:
        sys.exit("FLOWS_AGENT_TOKEN_FILE: name the file with this agent's token, as flows agents add wrote it")
    try:
        broker = Broker(os.environ.get("FLOWS_BROKER", "http://127.0.0.1:7700"), token_file, run_id="example")
        key = broker.secrets(["openai.api_key"])["openai.api_key"]
        print(f"openai.api_key: {len(key)} characters")
        # whoever starts it says where the token goes; elsewhere leave origins out
        with broker.open("orders-token", url, origins=[url]) as response:
            print(f"{url}: {response.status}, {len(response.read())} bytes")
    except BrokerError as refusal:
        sys.exit(f"broker: {refusal}")
    except urllib.error.HTTPError as refusal:
        sys.exit(f"{url}: {refusal.code}")
    except ValueError as misuse:
        sys.exit(str(misuse))
    except (OSError, http.client.HTTPException) as failure:
        sys.exit(f"{url}: {_reason(failure)}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: agent.py URL")
    main(sys.argv[1])
