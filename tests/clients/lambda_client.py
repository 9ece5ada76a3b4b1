"""What the tests of AWS's clients share: a client for the server that the Rust test has started."""

import base64
import os
import time
import unittest
import uuid

import boto3
import botocore.config
import botocore.exceptions

ENDPOINT = os.environ["FNHOST_ENDPOINT"]
REGION = "us-east-1"
ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"


def code(name: str) -> bytes:
    """The bytes of a fixture; the Rust test says where each is."""
    with open(os.environ[f"FNHOST_FIXTURE_{name.upper()}"], "rb") as file:
        return file.read()


def new_code(name: str) -> bytes:
    """The same as code that no server has compiled: with a custom section of its own."""
    section = uuid.uuid4().hex[:16].encode()
    return code(name) + bytes([0, 1 + len(section), len(section)]) + section


def client(**settings):
    """A client with nothing changed but its endpoint, and without retries, so that a test sees every answer."""
    options = {
        "endpoint_url": ENDPOINT,
        "region_name": REGION,
        "aws_access_key_id": "AKIDANYBODY",
        "aws_secret_access_key": "any",
        "config": botocore.config.Config(retries={"max_attempts": 0}, read_timeout=30),
    }
    return boto3.client("lambda", **(options | settings))


def arn(function: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"


class LambdaTest(unittest.TestCase):
    """A test with a client, and a function name of its own."""

    maxDiff = None

    def setUp(self):
        self.client = client()
        self.function = f"{self._testMethodName[:40]}-{uuid.uuid4().hex[:8]}"

    def create(self, fixture="echo", name=None, wait=True, **members):
        request = {
            "FunctionName": name or self.function,
            "Role": ROLE,
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Code": {"ZipFile": code(fixture)},
        }
        created = self.client.create_function(**(request | members))
        if wait:
            self.client.get_waiter("function_active_v2").wait(FunctionName=request["FunctionName"])
        return created

    def updated(self):
        """Waits until an update has ended."""
        self.client.get_waiter("function_updated_v2").wait(
            FunctionName=self.function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
        )

    def refused(self, exception, status, text, operation, **request):
        """Does what has to be refused; `text` is all of the message, or ends in `…`."""
        with self.assertRaises(botocore.exceptions.ClientError) as raised:
            operation(**request)
        error, metadata = raised.exception.response["Error"], raised.exception.response["ResponseMetadata"]
        self.assertEqual((error["Code"], metadata["HTTPStatusCode"]), (exception, status), error)
        if text.endswith("…"):
            self.assertTrue(error["Message"].startswith(text[:-1]), error["Message"])
        else:
            self.assertEqual(error["Message"], text)
        self.assertRegex(metadata["RequestId"], r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        modelled = getattr(self.client.exceptions, exception, None)
        if modelled:
            self.assertIsInstance(raised.exception, modelled)
        return raised.exception.response
