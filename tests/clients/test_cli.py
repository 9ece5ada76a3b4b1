"""The AWS CLI against the server: what a person types, with nothing changed but the endpoint."""

import base64
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import uuid
import zipfile

from lambda_client import ENDPOINT, REGION, ROLE, arn, code


class Cli(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.function = f"cli-{uuid.uuid4().hex[:8]}"
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("bootstrap.wasm", code("echo"))
        (self.directory / "function.zip").write_bytes(archive.getvalue())

    def run_aws(self, *arguments):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "AWS_ACCESS_KEY_ID": "AKIDANYBODY",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        program = pathlib.Path(sys.executable).parent / "aws"
        command = [sys.executable, program, "lambda", *arguments, "--endpoint-url", ENDPOINT]
        return subprocess.run(command, cwd=self.directory, env=environment, capture_output=True, text=True)

    def aws(self, *arguments):
        ended = self.run_aws(*arguments)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    def create(self):
        created = self.aws(
            *("create-function", "--function-name", self.function, "--role", ROLE, "--runtime", "provided.al2023"),
            *("--handler", "bootstrap", "--zip-file", "fileb://function.zip", "--timeout", "5"),
            *("--environment", "Variables={KEY=value}", "--tags", "team=a"),
        )
        self.aws("wait", "function-active-v2", "--function-name", self.function)
        return created

    def test_from_creation_to_deletion(self):
        name = ("--function-name", self.function)
        created = self.create()
        self.assertEqual((created["FunctionArn"], created["Timeout"]), (arn(self.function), 5))
        published = self.aws("publish-version", *name, "--description", "first")
        self.assertEqual(published["Version"], "1")
        self.aws("create-alias", *name, "--name", "live", "--function-version", "1")
        moved = self.aws(
            "update-alias", *name, "--name", "live", "--routing-config", "AdditionalVersionWeights={}"
        )
        self.assertEqual(moved["FunctionVersion"], "1")
        payload = '{"key": "value"}'
        answer = self.aws(
            *("invoke", *name, "--qualifier", "live", "--payload", payload, "--log-type", "Tail", "out.json")
        )
        self.assertEqual((answer["StatusCode"], answer["ExecutedVersion"]), (200, "1"))
        self.assertEqual((self.directory / "out.json").read_text(), '{"key": "value"}')
        self.assertIn("REPORT RequestId: ", base64.b64decode(answer["LogResult"]).decode())
        event = self.aws("invoke", *name, "--invocation-type", "Event", "--payload", "{}", "out.json")
        self.assertEqual(event["StatusCode"], 202)
        listed = self.aws("list-functions", "--max-items", "1000")
        self.assertIn(self.function, [function["FunctionName"] for function in listed["Functions"]])
        self.aws("put-function-concurrency", *name, "--reserved-concurrent-executions", "1")
        self.assertEqual(self.aws("get-function", *name)["Concurrency"], {"ReservedConcurrentExecutions": 1})
        self.aws("update-function-configuration", *name, "--memory-size", "256")
        self.aws("wait", "function-updated-v2", *name)
        updated = self.aws("update-function-code", *name, "--zip-file", "fileb://function.zip")
        self.assertEqual(updated["MemorySize"], 256)
        self.aws("wait", "function-updated-v2", *name)
        self.aws("delete-function", *name)
        ended = self.run_aws("get-function", *name)
        self.assertNotEqual(ended.returncode, 0)
        text = "An error occurred (ResourceNotFoundException) when calling the GetFunction operation: Function not found: "
        self.assertIn(text + arn(self.function), ended.stderr)

    def test_permissions_and_asynchronous_settings(self):
        self.create()
        name = ("--function-name", self.function)
        self.aws(
            *("add-permission", *name, "--statement-id", "s3", "--action", "lambda:InvokeFunction"),
            *("--principal", "s3.amazonaws.com", "--source-arn", "arn:aws:s3:::bucket"),
        )
        policy = json.loads(self.aws("get-policy", *name)["Policy"])
        self.assertEqual(policy["Statement"][0]["Sid"], "s3")
        self.aws("remove-permission", *name, "--statement-id", "s3")
        put = self.aws("put-function-event-invoke-config", *name, "--maximum-retry-attempts", "0")
        self.assertEqual(put["MaximumRetryAttempts"], 0)
        listed = self.aws("list-function-event-invoke-configs", *name)
        self.assertEqual(len(listed["FunctionEventInvokeConfigs"]), 1)
        self.aws("tag-resource", "--resource", arn(self.function), "--tags", "a=1")
        self.aws("untag-resource", "--resource", arn(self.function), "--tag-keys", "team")
        self.assertEqual(self.aws("list-tags", "--resource", arn(self.function))["Tags"], {"a": "1"})
