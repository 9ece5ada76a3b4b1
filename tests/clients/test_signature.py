"""Signatures of botocore's signer, and everything that can be wrong with one. The Rust test has configured the keys."""

import datetime
import hashlib
import json
import unittest
import urllib.error
import urllib.parse
import urllib.request
from unittest import mock

import botocore.auth
import botocore.awsrequest
import botocore.compat
import botocore.credentials

from lambda_client import ENDPOINT, REGION, LambdaTest, arn, client

KEYS = {
    "admin": botocore.credentials.Credentials("AKIDADMIN", "secret of admin"),
    "reader": botocore.credentials.Credentials("AKIDREADER", "secret of reader"),
    "invoker": botocore.credentials.Credentials("AKIDINVOKER", "secret of invoker"),
    "nobody": botocore.credentials.Credentials("AKIDNOBODY", "secret of nobody"),
    "session": botocore.credentials.Credentials("AKIDSESSION", "secret of session", "its token"),
}
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
LIST = "/2015-03-31/functions/?MaxItems=5"


def as_user(name: str):
    key = KEYS[name]
    return client(
        aws_access_key_id=key.access_key, aws_secret_access_key=key.secret_key, aws_session_token=key.token
    )


def sign(method, path, body=b"", headers=(), key="admin", region=REGION, service="lambda", signer=botocore.auth.SigV4Auth):
    """A request, signed by botocore."""
    request = botocore.awsrequest.AWSRequest(method=method, url=ENDPOINT + path, data=body, headers=dict(headers))
    credentials = key if isinstance(key, botocore.credentials.Credentials) else KEYS[key]
    signer(credentials, service, region).add_auth(request)
    return request.prepare()


def send(request, method=None, path=None, body=None, headers=None):
    """Sends a signed request, or a changed form of it. The answer is status, exception and body."""
    url = request.url if path is None else ENDPOINT + path
    changed = {name: value for name, value in (dict(request.headers) | (headers or {})).items() if value is not None}
    data = request.body if body is None else body
    sent = urllib.request.Request(url, data=data or None, headers=changed, method=method or request.method)
    try:
        with urllib.request.urlopen(sent) as answer:
            return answer.status, None, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["x-amzn-errortype"], json.loads(error.read() or b"{}")


class Signatures(unittest.TestCase):
    maxDiff = None

    def refused(self, answer, exception, text):
        self.assertEqual(answer, (403, exception, {"message": text}))

    def test_botocores_signature_holds(self):
        for path in (LIST, "/2015-03-31/functions?Marker=a%20b%2Bc&MaxItems=1", "/2016-08-19/account-settings"):
            status, code, _ = send(sign("GET", path))
            self.assertIn((status, code), ((200, None), (400, "InvalidParameterValueException")), path)
        quoted = urllib.parse.quote(arn("f:$LATEST"), safe="")
        self.assertEqual(send(sign("GET", f"/2015-03-31/functions/{quoted}"))[:2], (404, "ResourceNotFoundException"))

    def test_nothing_is_answered_without(self):
        request = sign("GET", LIST)
        self.refused(
            send(request, headers={"Authorization": None}),
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )

    def test_keys_are_known(self):
        unknown = botocore.credentials.Credentials("AKIDUNKNOWN", "x")
        text = "The security token included in the request is invalid."
        self.refused(send(sign("GET", LIST, key=unknown)), "UnrecognizedClientException", text)
        wrong = botocore.credentials.Credentials("AKIDADMIN", "guessed")
        self.refused(send(sign("GET", LIST, key=wrong)), "InvalidSignatureException", MISMATCH)
        self.assertEqual(send(sign("GET", LIST, key="session"))[0], 200)
        without_token = botocore.credentials.Credentials("AKIDSESSION", "secret of session")
        self.refused(send(sign("GET", LIST, key=without_token)), "UnrecognizedClientException", text)

    def test_the_scope_is_this_server(self):
        code = "InvalidSignatureException"
        text = "Credential should be scoped to a valid region, not 'eu-west-1'."
        self.refused(send(sign("GET", LIST, region="eu-west-1")), code, text)
        text = "Credential should be scoped to correct service: 'lambda'."
        self.refused(send(sign("GET", LIST, service="s3")), code, text)

    def test_the_clock_is_close(self):
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        for minutes, begin in ((-6, "Signature expired: "), (6, "Signature not yet current: ")):
            shifted = now + datetime.timedelta(minutes=minutes)
            with mock.patch("botocore.auth.get_current_datetime", return_value=shifted):
                request = sign("GET", LIST)
            status, code, body = send(request)
            self.assertEqual((status, code), (403, "InvalidSignatureException"))
            self.assertTrue(body["message"].startswith(begin), body)

    def test_what_is_changed_is_noticed(self):
        path = "/2015-03-31/functions/f/invocations"
        request = sign("POST", path, b"{}", {"X-Amz-Invocation-Type": "DryRun"})
        self.assertEqual(send(request)[:2], (404, "ResourceNotFoundException"))
        for changed in (
            {"body": b'{"other": 1}'},
            {"headers": {"X-Amz-Invocation-Type": "Event"}},
            {"headers": {"X-Amz-Invocation-Type": None}},
            {"headers": {"Host": "elsewhere"}},
            {"path": path.replace("/f/", "/g/")},
            {"path": path + "?Qualifier=1"},
            {"method": "PUT"},
        ):
            with self.subTest(changed):
                answer = send(request, **changed)
                if changed.get("method"):
                    # There is no such operation; that is not a secret.
                    self.assertEqual(answer[:2], (404, "UnknownOperationException"))
                else:
                    self.refused(answer, "InvalidSignatureException", MISMATCH)

    def test_what_matters_is_signed(self):
        request = sign("POST", "/2015-03-31/functions/f/invocations", b"{}")
        for header in ("X-Amz-Invocation-Type", "X-Amz-Client-Context", "X-Amzn-RequestId"):
            self.refused(
                send(request, headers={header: "Event"}),
                "InvalidSignatureException",
                f"'{header.lower()}' must be a 'SignedHeader' in the AWS Authorization.",
            )

    def test_a_declared_digest_is_checked(self):
        digest = hashlib.sha256(b"{}").hexdigest()
        path = "/2015-03-31/functions/f/invocations"
        request = sign("POST", path, b"{}", {"X-Amz-Content-SHA256": digest})
        self.assertEqual(send(request)[0], 404)
        # botocore signs what the header says, whatever the body is.
        request = sign("POST", path, b"{}", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
        self.refused(send(request), "InvalidSignatureException", MISMATCH)

    def test_presigned_urls(self):
        presign = lambda expires: lambda *arguments: botocore.auth.SigV4QueryAuth(*arguments, expires=expires)
        request = sign("GET", LIST, signer=presign(60))
        self.assertNotIn("Authorization", request.headers)
        self.assertEqual(send(request)[0], 200)
        changed = request.url.replace("MaxItems=5", "MaxItems=6")
        self.refused(send(request, path=changed[len(ENDPOINT) :]), "InvalidSignatureException", MISMATCH)
        self.assertEqual(send(sign("GET", LIST, key="session", signer=presign(60)))[0], 200)
        past = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - datetime.timedelta(minutes=2)
        with mock.patch("botocore.auth.get_current_datetime", return_value=past):
            old, current = sign("GET", LIST, signer=presign(60)), sign("GET", LIST, signer=presign(180))
        self.refused(send(old), "InvalidSignatureException", "Signature has expired")
        self.assertEqual(send(current)[0], 200)
        status, code, _ = send(sign("GET", LIST, signer=presign(604801)))
        self.assertEqual((status, code), (403, "IncompleteSignatureException"))


class Rights(LambdaTest):
    def setUp(self):
        super().setUp()
        self.client = as_user("admin")

    def denied(self, user, action, resource, operation, **request):
        self.refused(
            "AccessDeniedException",
            403,
            f"User: arn:aws:iam::000000000000:user/{user} is not authorized to perform: lambda:{action} on resource: "
            f"{resource} because no identity-based policy allows the lambda:{action} action",
            operation,
            **request,
        )

    def test_each_key_has_its_actions(self):
        self.create()
        reader, invoker = as_user("reader"), as_user("invoker")
        reader.get_function(FunctionName=self.function)
        reader.list_functions()
        function = arn(self.function)
        self.denied("reader", "DeleteFunction", function, reader.delete_function, FunctionName=self.function)
        invoker.invoke(FunctionName=self.function)
        self.denied("invoker", "GetFunction", function, invoker.get_function, FunctionName=self.function)
        self.denied("invoker", "ListFunctions", "*", invoker.list_functions)

    def test_what_is_there_is_not_told_to_everybody(self):
        self.create()
        nobody = as_user("nobody")
        gone = f"{self.function}-gone"
        for function, qualifier in ((self.function, "$LATEST"), (self.function, "7"), (gone, "$LATEST"), (gone, "live")):
            for kind in ("RequestResponse", "Event", "DryRun"):
                resource = f"{arn(function)}:{qualifier}"
                request = {"FunctionName": function, "Qualifier": qualifier, "InvocationType": kind}
                self.denied("nobody", "InvokeFunction", resource, nobody.invoke, **request)
            self.denied("nobody", "GetFunction", arn(function), nobody.get_function, FunctionName=function)
        text = f"Function not found: {arn(gone)}:$LATEST"
        self.refused("ResourceNotFoundException", 404, text, self.client.invoke, FunctionName=gone)

    def test_another_account(self):
        other = "arn:aws:lambda:us-east-1:111111111111:function:f"
        for action, operation in (
            ("GetFunction", self.client.get_function),
            ("InvokeFunction", self.client.invoke),
            ("DeleteFunction", self.client.delete_function),
        ):
            self.refused("AccessDeniedException", 403, "User: …", operation, FunctionName=other)

    def test_a_functions_policy_gives_rights_too(self):
        self.create(Publish=True)
        nobody = as_user("nobody")
        self.refused("AccessDeniedException", 403, "User: arn:aws:iam::000000000000:user/nobody …", nobody.invoke, FunctionName=self.function)
        self.client.add_permission(
            FunctionName=self.function,
            StatementId="a",
            Action="lambda:InvokeFunction",
            Principal="arn:aws:iam::000000000000:user/nobody",
        )
        nobody.invoke(FunctionName=self.function)
        self.refused(
            "AccessDeniedException",
            403,
            "User: arn:aws:iam::000000000000:user/nobody …",
            nobody.invoke,
            FunctionName=self.function,
            Qualifier="1",
        )
        self.client.remove_permission(FunctionName=self.function, StatementId="a")
        for kind in ("RequestResponse", "Event", "DryRun"):
            self.refused(
                "AccessDeniedException",
                403,
                "User: arn:aws:iam::000000000000:user/nobody …",
                nobody.invoke,
                FunctionName=self.function,
                InvocationType=kind,
            )
