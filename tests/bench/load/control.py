"""Control-plane calls, one after the other on one connection, with the same client for all servers."""

import base64
import http.client
import io
import json
import statistics
import time
import urllib.parse
import urllib.request
import zipfile

CALLS = ["CreateFunction", "GetFunction", "ListFunctions", "DeleteFunction"]
PATH = "/2015-03-31/functions"

# moto takes the service from the credential's scope, and does not check the signature; fnhost without keys looks at neither.
CREDENTIAL = "AWS4-HMAC-SHA256 Credential=AKIDANYBODY/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=00"


class Client:
    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address)

    def send(self, method, path, body=None, service="lambda", content_type="application/json"):
        headers = {"Authorization": CREDENTIAL.format(service), "Content-Type": content_type}
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise SystemExit(f"{method} {path} on {self.connection.host}:{self.connection.port}: {response.status} {content}")
        return content

    def timed(self, *request):
        begin = time.perf_counter()
        content = self.send(*request)
        return time.perf_counter() - begin, content


def check_answers(urls, event):
    """All servers run the same handler."""
    expected = json.loads(event) | {"count": json.loads(event)["count"] + 1}
    for url in urls:
        with urllib.request.urlopen(url, event.encode()) as response:
            answer = json.load(response)
        if answer != expected:
            raise SystemExit(f"{url} answered {answer}")


def make_role(client):
    """moto wants the role to exist."""
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    form = {"Action": "CreateRole", "Version": "2010-05-08", "RoleName": "any", "AssumeRolePolicyDocument": document}
    content = client.send("POST", "/", urllib.parse.urlencode(form), "iam", "application/x-www-form-urlencoded")
    return content.decode().split("<Arn>")[1].split("</Arn>")[0]


def one_round(client, create, functions):
    """Seconds of each call."""
    names = [f"f{number:04}" for number in range(functions)]
    seconds = {call: [] for call in CALLS}
    for name in names:
        body = json.dumps(create | {"FunctionName": name})
        seconds["CreateFunction"].append(client.timed("POST", PATH, body)[0])
    for name in names:
        seconds["GetFunction"].append(client.timed("GET", f"{PATH}/{name}")[0])
    for _ in range(max(1, functions // 10)):
        took, content = client.timed("GET", f"{PATH}?MaxItems=50")
        if not json.loads(content)["Functions"]:
            raise SystemExit("a list without functions")
        seconds["ListFunctions"].append(took)
    for name in names:
        seconds["DeleteFunction"].append(client.timed("DELETE", f"{PATH}/{name}")[0])
    return seconds


def measure(addresses, code, rounds, functions, say):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(code, "bootstrap.wasm")
    create = {
        "Role": make_role(Client(addresses["moto"])),
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Code": {"ZipFile": base64.b64encode(archive.getvalue()).decode()},
    }
    clients = {name: Client(address) for name, address in addresses.items()}
    for client in clients.values():
        one_round(client, create, 5)
    rows = []
    for number in range(rounds):
        names = list(clients)
        for name in names[number % len(names):] + names[: number % len(names)]:
            for call, seconds in one_round(clients[name], create, functions).items():
                per_second, p50 = len(seconds) / sum(seconds), statistics.median(seconds) * 1e6
                rows.append({"round": number, "server": name, "call": call, "per_second": per_second, "p50": p50})
        say(f"round {number + 1}, control-plane calls")
    return rows
