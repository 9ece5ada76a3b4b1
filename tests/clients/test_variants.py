"""Requests that break the service model, made from it: for every supported operation each member missing, too short, too
long, out of range, off-pattern, off-enum, and of every wrong type.

Every answer has to be an error of the contract or of the operation's model. None is a 5xx, and none a success, which would
have ignored the value.
"""

import base64
import json
import re
import unittest
import urllib.error
import urllib.parse
import urllib.request

import botocore.session

from lambda_client import ENDPOINT, ROLE, LambdaTest, arn, code
from test_boto3 import SUPPORTED

# What AWS answers beside the errors that the model lists for an operation.
ALWAYS = {
    "ValidationException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "ResourceNotFoundException",
    "RequestEntityTooLargeException",
    "AccessDeniedException",
}
WRONG = {
    "string": [1, True, [], {}, ["x"], {"x": "y"}],
    "integer": ["x", "1", 1.5, True, [], {}, 2**63, -(2**63) - 1],
    "float": ["x", "1", True, [], {}],
    "double": ["x", "1", True, [], {}],
    "boolean": ["x", "true", 1, 0, [], {}],
    "structure": ["x", 1, True, ["x"]],
    "map": ["x", 1, True, ["x"]],
    "list": ["x", 1, True, {"x": "y"}],
    "blob": [1, True, ["x"], {"x": "y"}, "no base64!"],
}
# Strings to break a pattern with. Those that fit it are left out.
OFF_PATTERN = [" ", "a b", "ä", "!", "a:b:c:d:e:f:g:h:i", "a/b", "*", "$", "\t", "a\u0000b", "x" * 20 + "?"]


class Fault:
    """What a request breaks, and the words that say so."""

    def __init__(self, what, limit=None):
        self.what, self.limit = what, limit

    def words(self, path) -> str:
        """A pattern for the message: it names the member, and the rule. A member without effect may be named as such."""
        field = ".".join(name[0].lower() + name[1:] for name in path)
        violated = rf"at '{re.escape(field)}' failed to satisfy constraint: "
        member = re.escape(".".join(path))
        rule = {
            "type": rf"\b{member}\b.* (can not be converted to an? |is not base64)",
            "json": r"Could not parse payload into json: ",
            "missing": rf"Value null {violated}Member must not be null",
            "unknown": rf"^{member} of \w+ is not supported by this host\.$",
            "enum": rf"{violated}.*Member must satisfy enum value set: \[",
            "shorter": rf"{violated}.*Member must have length greater than or equal to {self.limit}\b",
            "longer": rf"{violated}.*Member must have length less than or equal to {self.limit}\b",
            "pattern": rf"{violated}.*Member must satisfy regular expression pattern: ",
            "min": rf"{violated}.*Member must have value greater than or equal to {self.limit}\b",
            "max": rf"{violated}.*Member must have value less than or equal to {self.limit}\b",
        }[self.what]
        without_effect = "|".join(re.escape(".".join(path[:length])) for length in range(1, len(path) + 1))
        return rf"{rule}|^({without_effect}) of \w+ is not supported by this host\.$"


# Where the contract's words are others than the model's rule.
OTHER_WORDS = {
    ("Timeout", "max"): r"at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900$",
    ("Size", "max"): r"at 'ephemeralStorage.size' failed .* value less than or equal to 10240$",
}


class Variants(LambdaTest):
    @classmethod
    def setUpClass(cls):
        cls.model = botocore.session.get_session().get_service_model("lambda")

    def setUp(self):
        super().setUp()
        self.create(Publish=True)
        self.client.create_alias(FunctionName=self.function, Name="live", FunctionVersion="1")
        self.client.add_permission(
            FunctionName=self.function, StatementId="s", Action="lambda:InvokeFunction", Principal="*"
        )
        self.client.put_function_event_invoke_config(FunctionName=self.function, MaximumRetryAttempts=1)

    def valid(self, operation):
        """A request that would succeed."""
        zip_file = base64.b64encode(code("echo")).decode()
        function = {"FunctionName": self.function}
        return {
            "CreateFunction": {"FunctionName": f"{self.function}-new", "Role": ROLE, "Code": {"ZipFile": zip_file}},
            "UpdateFunctionCode": {"ZipFile": zip_file, "DryRun": True, **function},
            "ListFunctions": {},
            "GetAccountSettings": {},
            "TagResource": {"Resource": arn(self.function), "Tags": {"a": "b"}},
            "UntagResource": {"Resource": arn(self.function), "TagKeys": ["a"]},
            "ListTags": {"Resource": arn(self.function)},
            "CreateAlias": {"Name": "new", "FunctionVersion": "1", **function},
            "GetAlias": {"Name": "live", **function},
            "UpdateAlias": {"Name": "live", **function},
            "DeleteAlias": {"Name": "gone", **function},
            "Invoke": {"Payload": "{}", **function},
            "InvokeAsync": {"InvokeArgs": "{}", **function},
            "PutFunctionConcurrency": {"ReservedConcurrentExecutions": 1, **function},
            "PutFunctionEventInvokeConfig": {"MaximumRetryAttempts": 1, **function},
            "UpdateFunctionEventInvokeConfig": {"MaximumRetryAttempts": 1, **function},
            "AddPermission": {
                "StatementId": "t",
                "Action": "lambda:InvokeFunction",
                "Principal": "s3.amazonaws.com",
                **function,
            },
            "RemovePermission": {"StatementId": "s", **function},
        }.get(operation, function)

    def send(self, operation, request):
        """Serialises without any check. Answers with status, exception and message."""
        model = self.model.operation_model(operation)
        path, query, headers, body = model.http["requestUri"], [], {}, {}
        shape = model.input_shape
        payload = shape.serialization.get("payload") if shape else None
        raw = None
        for name, value in request.items():
            member = shape.members.get(name)
            serialization = member.serialization if member else {}
            location, wire = serialization.get("location"), serialization.get("name", name)
            if location == "uri":
                path = path.replace(f"{{{wire}}}", urllib.parse.quote(str(value), safe=""))
            elif location == "querystring":
                values = value if isinstance(value, list) else [value]
                query += [(wire, str(value)) for value in values]
            elif location == "header":
                headers[wire] = str(value)
            elif name == payload:
                raw = value
            else:
                body[wire] = value
        url = ENDPOINT + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = raw.encode() if raw is not None else json.dumps(body).encode()
        if model.http["method"] in ("GET", "DELETE"):
            data = None
        sent = urllib.request.Request(url, data=data, headers=headers, method=model.http["method"])
        try:
            with urllib.request.urlopen(sent) as answer:
                return answer.status, None, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["x-amzn-errortype"], error.read().decode()

    def variants(self, shape, path, location):
        """Values that `shape` does not allow: for each, the path of the member, what it breaks, and the value."""
        metadata, kind = shape.metadata, shape.type_name
        kind = {"long": "integer"}.get(kind, kind)
        in_text = location in ("uri", "querystring", "header")
        if not in_text:
            for value in WRONG.get(kind, []):
                yield path, Fault("type"), value
        elif kind == "integer":
            for value in ("x", "1.5", "", str(2**63)):
                yield path, Fault("max", metadata["max"]) if value.isdigit() else Fault("type"), value
        if kind == "string" and shape.enum:
            yield path, Fault("enum"), "NO_SUCH_WORD"
            yield path, Fault("enum"), shape.enum[0].swapcase()
        elif kind == "string":
            if metadata.get("min", 0) > 0 and location != "uri":
                yield path, Fault("shorter", metadata["min"]), ""
            if "max" in metadata and metadata["max"] < 10000:
                yield path, Fault("longer", metadata["max"]), "a" * (metadata["max"] + 1)
            if "pattern" in metadata:
                # Python's own reading of the pattern decides what is off.
                text = metadata["pattern"].replace("[a-zA-Z0-9-_", "[a-zA-Z0-9\\-_")
                pattern = re.compile(text.replace(r"\p{L}\p{Z}\p{N}", r"\w "))
                for value in OFF_PATTERN:
                    if location == "header" and not (value.isprintable() and value.isascii()):
                        continue
                    if not pattern.fullmatch(value):
                        yield path, Fault("pattern"), value
        elif kind == "integer":
            if "min" in metadata:
                yield path, Fault("min", metadata["min"]), metadata["min"] - 1
            if "max" in metadata:
                yield path, Fault("max", metadata["max"]), metadata["max"] + 1
        elif kind == "list":
            for at, fault, value in self.variants(shape.member, path, "list" if not in_text else location):
                yield at, fault, [value]
            if "max" in metadata and not in_text:
                yield path, Fault("longer", metadata["max"]), [self.any_of(shape.member)] * (metadata["max"] + 1)
            if metadata.get("min") and not in_text:
                yield path, Fault("shorter", metadata["min"]), []
        elif kind == "map":
            for at, fault, value in self.variants(shape.value, path, "map"):
                yield at, fault, {self.any_of(shape.key): value}
            for at, fault, value in self.variants(shape.key, path, "key"):
                if isinstance(value, str):
                    yield at, fault, {value: self.any_of(shape.value)}
        elif kind == "structure":
            for name, member in shape.members.items():
                for at, fault, value in self.variants(member, [*path, name], "body"):
                    yield at, fault, {name: value}
            for name in shape.required_members:
                yield [*path, name], Fault("missing"), {}
            required = {name: self.any_of(shape.members[name]) for name in shape.required_members}
            yield [*path, "NoSuchMember"], Fault("unknown"), required | {"NoSuchMember": 1}

    def any_of(self, shape):
        """A value that fits, for what stands beside a variant."""
        if shape.type_name == "string":
            return shape.enum[0] if shape.enum else "1"
        return {"double": 0.5, "integer": shape.metadata.get("min", 1)}.get(shape.type_name, "1")

    def requests(self, operation):
        """Requests with one fault each: the path of the member, what it breaks, the request."""
        model = self.model.operation_model(operation)
        valid = self.valid(operation)
        if model.input_shape is None:
            return
        payload = model.input_shape.serialization.get("payload")
        for name, member in model.input_shape.members.items():
            location = member.serialization.get("location", "body")
            if name == payload:
                yield [name], Fault("json"), valid | {name: "{"}
                continue
            if name in model.input_shape.required_members and location != "uri":
                yield [name], Fault("missing"), {key: value for key, value in valid.items() if key != name}
                if location == "body":
                    yield [name], Fault("missing"), valid | {name: None}
            for path, fault, value in self.variants(member, [name], location):
                yield path, fault, valid | {name: value}
        if payload is None and model.http["method"] not in ("GET", "DELETE"):
            yield ["NoSuchMember"], Fault("unknown"), valid | {"NoSuchMember": 1}

    def test_every_variant_is_refused(self):
        state = self.client.get_function(FunctionName=self.function)
        count, used = 0, set()
        for operation in SUPPORTED:
            allowed = {error.name for error in self.model.operation_model(operation).error_shapes} | ALWAYS
            for path, fault, request in self.requests(operation):
                count += 1
                value = str(request.get(path[0]))[:80]
                with self.subTest(operation=operation, member=".".join(path), fault=fault.what, value=value):
                    status, exception, body = self.send(operation, request)
                    self.assertTrue(400 <= status < 500, f"{status} {body}")
                    self.assertIn(exception, allowed, body)
                    answer = json.loads(body)
                    message = answer.get("message") or answer.get("Message")
                    other = OTHER_WORDS.get((path[-1], fault.what))
                    if other and re.search(other, message):
                        used.add((path[-1], fault.what))
                    else:
                        self.assertRegex(message, fault.words(path))
        self.assertEqual(used, set(OTHER_WORDS), "words that nobody hears are no exception")
        self.assertGreater(count, 1500)
        unchanged = self.client.get_function(FunctionName=self.function)
        self.assertEqual(unchanged["Configuration"], state["Configuration"])

    def test_the_valid_requests_are_valid(self):
        """Without this the variants could be refused for another reason."""
        last = ("DeleteFunction",)
        for operation in sorted(SUPPORTED, key=lambda operation: operation in last):
            with self.subTest(operation=operation):
                self.updated()
                status, _, body = self.send(operation, self.valid(operation))
                self.assertTrue(200 <= status < 300, f"{status} {body}")


if __name__ == "__main__":
    unittest.main()
