"""boto3 against the server: each operation, the errors that a client can provoke, waiters and paginators."""

import base64
import io
import json
import time
import unittest
import urllib.request
import zipfile

from lambda_client import ENDPOINT, LambdaTest, arn, code, new_code


class Functions(LambdaTest):
    def test_create_is_pending_and_becomes_active(self):
        created = self.create(
            wait=False,
            Description="what for",
            Timeout=7,
            MemorySize=256,
            Environment={"Variables": {"KEY": "value"}},
            Tags={"team": "a"},
            Architectures=["arm64"],
        )
        self.assertEqual(created["ResponseMetadata"]["HTTPStatusCode"], 201)
        self.assertEqual((created["State"], created["StateReasonCode"]), ("Pending", "Creating"))
        self.assertEqual(created["StateReason"], "The function is being created.")
        self.assertNotIn("LastUpdateStatus", created)
        self.client.get_waiter("function_exists").wait(FunctionName=self.function)
        self.client.get_waiter("function_active").wait(FunctionName=self.function)
        self.client.get_waiter("function_active_v2").wait(FunctionName=self.function)
        shown = self.client.get_function(FunctionName=self.function)
        configuration = shown["Configuration"]
        self.assertEqual((configuration["State"], configuration["LastUpdateStatus"]), ("Active", "Successful"))
        self.assertNotIn("StateReason", configuration)
        self.assertNotEqual(configuration["RevisionId"], created["RevisionId"])
        for member, value in {
            "Role": "arn:aws:iam::000000000000:role/any",
            "Runtime": "provided.al2023",
            "Handler": "bootstrap",
            "Description": "what for",
            "Timeout": 7,
            "MemorySize": 256,
            "Environment": {"Variables": {"KEY": "value"}},
            "Architectures": ["arm64"],
            "PackageType": "Zip",
            "CodeSize": len(code("echo")),
        }.items():
            self.assertEqual(configuration[member], value, member)
        self.assertEqual(shown["Tags"], {"team": "a"})
        self.assertEqual(shown["Code"]["RepositoryType"], "S3")

    def test_the_download_link_works(self):
        self.create()
        location = self.client.get_function(FunctionName=self.function)["Code"]["Location"]
        with urllib.request.urlopen(location) as answer:
            self.assertEqual(answer.read(), code("echo"))

    def test_a_zip_is_as_good_as_a_module(self):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("bootstrap.wasm", code("echo"))
        self.create(Code={"ZipFile": archive.getvalue()})
        answer = self.client.invoke(FunctionName=self.function, Payload=b'{"a":1}')
        self.assertEqual(answer["Payload"].read(), b'{"a":1}')

    def test_configuration_is_updated(self):
        self.create()
        before = self.client.get_function_configuration(FunctionName=self.function)
        updated = self.client.update_function_configuration(
            FunctionName=self.function, Timeout=9, RevisionId=before["RevisionId"], Role="arn:aws:iam::000000000000:role/b"
        )
        self.assertEqual((updated["Timeout"], updated["MemorySize"]), (9, 128))
        self.assertEqual((updated["State"], updated["LastUpdateStatus"]), ("Active", "InProgress"))
        self.client.get_waiter("function_updated").wait(FunctionName=self.function)
        self.updated()
        after = self.client.get_function_configuration(FunctionName=self.function)
        self.assertEqual((after["LastUpdateStatus"], after["Role"][-1]), ("Successful", "b"))
        self.assertNotIn(after["RevisionId"], (before["RevisionId"], updated["RevisionId"]))

    def test_code_is_updated_dry_and_published(self):
        self.create()
        before = self.client.get_function_configuration(FunctionName=self.function)
        new = {"FunctionName": self.function, "ZipFile": code("context")}
        self.client.update_function_code(DryRun=True, **new)
        same = self.client.get_function_configuration(FunctionName=self.function)
        self.assertEqual(same["CodeSha256"], before["CodeSha256"])
        self.refused(
            "PreconditionFailedException",
            412,
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
            "retrieve the latest Revision Id",
            self.client.update_function_code,
            RevisionId="stale",
            **new,
        )
        updated = self.client.update_function_code(Publish=True, **new)
        self.assertEqual((updated["Version"], updated["FunctionArn"]), ("1", arn(f"{self.function}:1")))
        self.client.get_waiter("published_version_active").wait(FunctionName=self.function, Qualifier="1")
        self.updated()
        self.assertNotEqual(updated["CodeSha256"], before["CodeSha256"])

    def test_listings_have_pages(self):
        names = [f"{self.function}-{index}" for index in range(5)]
        for name in names:
            self.create(name=name)
        pages = self.client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
        listed = [function for page in pages for function in page["Functions"]]
        self.assertLessEqual(set(names), {function["FunctionName"] for function in listed})
        self.assertNotIn("State", listed[0])
        pages = self.client.get_paginator("list_functions").paginate(FunctionVersion="ALL")
        arns = [function["FunctionArn"] for page in pages for function in page["Functions"]]
        self.assertIn(arn(f"{names[0]}:$LATEST"), arns)

    def test_deletion(self):
        self.create(Publish=True)
        self.client.delete_function(FunctionName=self.function, Qualifier="1")
        # An absent version is no error, an absent function is one.
        self.client.delete_function(FunctionName=self.function, Qualifier="1")
        deleted = self.client.delete_function(FunctionName=self.function)
        self.assertEqual(deleted["ResponseMetadata"]["HTTPStatusCode"], 204)
        gone = f"Function not found: {arn(self.function)}"
        not_found = ("ResourceNotFoundException", 404)
        self.refused(*not_found, gone, self.client.delete_function, FunctionName=self.function)
        self.refused(*not_found, gone, self.client.get_function, FunctionName=self.function)
        self.refused(*not_found, gone, self.client.get_function_configuration, FunctionName=self.function)
        self.refused(*not_found, f"{gone}:1", self.client.get_function, FunctionName=self.function, Qualifier="1")

    def test_account_settings(self):
        settings = self.client.get_account_settings()
        self.assertEqual(settings["AccountLimit"]["ConcurrentExecutions"], 50)
        self.assertEqual(settings["AccountLimit"]["CodeSizeZipped"], 52428800)
        self.assertEqual(settings["AccountLimit"]["CodeSizeUnzipped"], 262144000)
        self.assertEqual(settings["AccountLimit"]["UnreservedConcurrentExecutions"], 50)
        used = settings["AccountUsage"]
        self.create()
        more = self.client.get_account_settings()["AccountUsage"]
        self.assertEqual(more["TotalCodeSize"] - used["TotalCodeSize"], len(code("echo")))
        self.assertEqual(more["FunctionCount"] - used["FunctionCount"], 1)


class FunctionRefusals(LambdaTest):
    def refused_create(self, exception, status, text, **members):
        return self.refused(exception, status, text, self.create, **members)

    def test_names(self):
        self.create()
        self.refused_create("ResourceConflictException", 409, f"Function already exist: {self.function}")
        too_long = "x" * 65
        self.refused_create(
            "InvalidParameterValueException",
            400,
            f"1 validation error detected: Value '{too_long}' at 'functionName' failed to satisfy constraint: "
            "Member must have length less than or equal to 64",
            name=too_long,
        )
        self.refused(
            "ResourceNotFoundException",
            404,
            f"Function not found: {arn(too_long)}",
            self.client.get_function,
            FunctionName=too_long,
        )
        self.refused(
            "ResourceNotFoundException",
            404,
            "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
            self.client.get_function,
            FunctionName="arn:aws:lambda:eu-west-1:000000000000:function:f",
        )
        other = "arn:aws:lambda:us-east-1:111111111111:function:f"
        self.refused(
            "AccessDeniedException",
            403,
            "User: arn:aws:iam::000000000000:root is not authorized to perform: lambda:GetFunction on resource: "
            f"{other} because no resource-based policy allows the lambda:GetFunction action",
            self.client.get_function,
            FunctionName=other,
        )
        self.refused(
            "InvalidParameterValueException",
            400,
            "The derived qualifier from the function name does not match the specified qualifier.",
            self.client.get_function,
            FunctionName=f"{self.function}:1",
            Qualifier="2",
        )

    def test_values_are_reported_together(self):
        refusal = self.refused_create(
            "ValidationException",
            400,
            "5 validation errors detected: …",
            name="a:b:c",
            Role="nobody",
            Timeout=901,
            Handler="a b",
            Description="x" * 257,
        )
        message = refusal["Error"]["Message"]
        for part in [
            "Value 'nobody' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: "
            "arn:(aws[a-zA-Z-]*)?:iam::",
            "Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
            "Value 'a b' at 'handler' failed to satisfy constraint: Member must satisfy regular expression pattern: [^\\s]+",
            "at 'description' failed to satisfy constraint: Member must have length less than or equal to 256",
            "Value 'a:b:c' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: ",
        ]:
            self.assertIn(part, message)

    def test_numbers(self):
        self.refused_create(
            "InvalidParameterValueException",
            400,
            "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240",
            MemorySize=10241,
        )

    def test_words(self):
        self.refused_create(
            "InvalidParameterValueException",
            400,
            "Value python5 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: […",
            Runtime="python5",
        )
        self.refused_create(
            "ValidationException",
            400,
            "1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy constraint: Member must "
            "satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
            Architectures=["X86_64"],
        )

    def test_environment(self):
        begin = (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided "
        )
        self.refused_create(
            "InvalidParameterValueException",
            400,
            f"{begin}contains reserved keys that are currently not supported for modification. Reserved keys used in "
            "this request: AWS_REGION",
            Environment={"Variables": {"AWS_REGION": "x"}},
        )
        self.refused_create(
            "InvalidParameterValueException",
            400,
            f'{begin}exceeded the 4KB limit. String measured: {{"KEY":"…',
            Environment={"Variables": {"KEY": "x" * 4090}},
        )

    def test_code(self):
        self.refused_create(
            "InvalidParameterValueException",
            400,
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
            Code={"ZipFile": b"neither"},
        )
        self.refused_create(
            "InvalidParameterValueException", 400, "Please provide a source for function code.", Code={}
        )
        self.refused_create(
            "InvalidParameterValueException",
            400,
            "Code.S3Bucket of CreateFunction is not supported by this host.",
            Code={"S3Bucket": "bucket", "S3Key": "key"},
        )

    def test_what_would_be_ignored_is_refused_by_name(self):
        for member, value in {
            "VpcConfig.SubnetIds": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            "Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:l:1"],
            "DeadLetterConfig.TargetArn": {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:q"},
            "KMSKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k",
            "FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:x", "LocalMountPath": "/mnt/x"}],
        }.items():
            text = f"{member} of CreateFunction is not supported by this host."
            self.refused_create("InvalidParameterValueException", 400, text, **{member.split(".")[0]: value})
        for member, value, only in [
            ("TracingConfig", {"Mode": "Active"}, "TracingConfig.Mode of CreateFunction can only be PassThrough"),
            ("EphemeralStorage", {"Size": 1024}, "EphemeralStorage.Size of CreateFunction can only be 512"),
            ("SnapStart", {"ApplyOn": "PublishedVersions"}, "SnapStart.ApplyOn of CreateFunction can only be None"),
            ("LoggingConfig", {"LogFormat": "JSON"}, "LoggingConfig.LogFormat of CreateFunction can only be Text"),
        ]:
            text = f"{only} on this host."
            self.refused_create("InvalidParameterValueException", 400, text, **{member: value})
        # What asks for nothing is what infrastructure tools send.
        self.create(
            VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
            Layers=[],
            KMSKeyArn="",
            TracingConfig={"Mode": "PassThrough"},
            EphemeralStorage={"Size": 512},
            SnapStart={"ApplyOn": "None"},
            LoggingConfig={"LogFormat": "Text"},
            PackageType="Zip",
        )

    def test_a_zip_bomb(self):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            with file.open("bootstrap.wasm", "w", force_zip64=True) as entry:
                for _ in range(300):
                    entry.write(bytes(1 << 20))
        self.assertLess(len(archive.getvalue()), 1 << 20)
        self.refused_create(
            "InvalidParameterValueException",
            400,
            "Unzipped size must be smaller than 262144000 bytes",
            Code={"ZipFile": archive.getvalue()},
        )

    def test_updates_wait_for_each_other(self):
        self.create()
        function = {"FunctionName": self.function}
        begun = self.client.update_function_code(ZipFile=new_code("large"), **function)
        self.assertEqual(begun["LastUpdateStatus"], "InProgress")
        # Meanwhile the function is as it was.
        answer = self.client.invoke(Payload=b'{"a": 1}', **function)
        self.assertEqual(answer["Payload"].read(), b'{"a": 1}')
        text = f"The operation cannot be performed at this time. An update is in progress for resource: {arn(self.function)}"
        conflict = ("ResourceConflictException", 409, text)
        self.refused(*conflict, self.client.update_function_code, ZipFile=code("echo"), **function)
        self.refused(*conflict, self.client.update_function_configuration, Timeout=5, **function)
        self.refused(*conflict, self.client.publish_version, **function)
        self.updated()
        self.client.update_function_configuration(Timeout=5, **function)
        self.updated()

    def test_an_update_waits_for_the_one_before(self):
        self.create(Code={"ZipFile": new_code("large")}, wait=False)
        conflict = ("ResourceConflictException", 409)
        text = f"The operation cannot be performed at this time. …"
        self.refused(*conflict, text, self.client.publish_version, FunctionName=self.function)
        self.refused(
            *conflict,
            "The operation cannot be performed at this time. The function is currently in the following state: Pending",
            self.client.invoke,
            FunctionName=self.function,
        )
        self.client.get_waiter("function_active_v2").wait(FunctionName=self.function)
        self.client.publish_version(FunctionName=self.function)


class VersionsAndAliases(LambdaTest):
    def setUp(self):
        super().setUp()
        self.create(Publish=True)
        self.client.update_function_configuration(FunctionName=self.function, Description="second")
        self.updated()

    def test_versions(self):
        published = self.client.publish_version(FunctionName=self.function, Description="of the version")
        self.assertEqual((published["Version"], published["Description"]), ("2", "of the version"))
        again = self.client.publish_version(FunctionName=self.function, Description="ignored")
        self.assertEqual((again["Version"], again["Description"]), ("2", "of the version"))
        pages = self.client.get_paginator("list_versions_by_function").paginate(
            FunctionName=self.function, PaginationConfig={"PageSize": 1}
        )
        self.assertEqual([page["Versions"][0]["Version"] for page in pages], ["$LATEST", "1", "2"])
        current = published["CodeSha256"]
        self.refused(
            "InvalidParameterValueException",
            400,
            f"CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ({current}). Please try again with the "
            "CodeSHA256 in $LATEST.",
            self.client.publish_version,
            FunctionName=self.function,
            CodeSha256="x",
        )

    def test_aliases(self):
        create, function = self.client.create_alias, {"FunctionName": self.function}
        self.client.publish_version(**function)
        weights = {"AdditionalVersionWeights": {"2": 0.25}}
        created = create(Name="live", FunctionVersion="1", RoutingConfig=weights, Description="d", **function)
        self.assertEqual(created["AliasArn"], arn(f"{self.function}:live"))
        self.assertEqual(created["RoutingConfig"], weights)
        self.assertEqual(self.client.get_alias(Name="live", **function)["RevisionId"], created["RevisionId"])
        kept = self.client.update_alias(Name="live", Description="e", **function)
        self.assertEqual(kept["RoutingConfig"], weights)
        removed = self.client.update_alias(
            Name="live", RoutingConfig={"AdditionalVersionWeights": {}}, RevisionId=kept["RevisionId"], **function
        )
        self.assertNotIn("RoutingConfig", removed)
        for name in ("b", "a"):
            create(Name=name, FunctionVersion="2", **function)
        pages = self.client.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 1}, **function)
        self.assertEqual([page["Aliases"][0]["Name"] for page in pages], ["a", "b", "live"])
        listed = self.client.list_aliases(FunctionVersion="1", **function)["Aliases"]
        self.assertEqual([alias["Name"] for alias in listed], ["live"])
        self.client.delete_alias(Name="live", **function)
        self.client.delete_alias(Name="live", **function)

    def test_refusals(self):
        create, function = self.client.create_alias, {"FunctionName": self.function}
        create(Name="live", FunctionVersion="1", **function)
        live = arn(f"{self.function}:live")
        invalid, not_found = ("InvalidParameterValueException", 400), ("ResourceNotFoundException", 404)
        conflict = ("ResourceConflictException", 409)
        version = {"FunctionVersion": "1"}
        self.refused(*conflict, f"Alias already exists: {live}", create, Name="live", **version, **function)
        missing = f"Function not found: {arn(self.function)}:10"
        self.refused(*not_found, missing, create, Name="a", FunctionVersion="10", **function)
        weights = lambda weights: {"RoutingConfig": {"AdditionalVersionWeights": weights}}
        self.refused(
            *invalid,
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
            create,
            Name="a",
            **weights({"1": 0.1, "2": 0.1}),
            **version,
            **function,
        )
        self.refused(
            *invalid,
            "Invalid function version 1. Function version 1 is already included in routing configuration.",
            create,
            Name="a",
            **weights({"1": 0.1}),
            **version,
            **function,
        )
        self.refused(
            *invalid,
            "$LATEST is not supported for an alias pointing to more than 1 version",
            create,
            Name="a",
            FunctionVersion="$LATEST",
            **weights({"1": 0.1}),
            **function,
        )
        gone = arn(f"{self.function}:gone")
        self.refused(*not_found, f"Cannot find alias arn: {gone}", self.client.get_alias, Name="gone", **function)
        self.refused(*not_found, f"Alias not found: {gone}", self.client.update_alias, Name="gone", **function)
        self.refused(
            *conflict,
            "Unable to delete version because the following aliases reference it: [live]",
            self.client.delete_function,
            Qualifier="1",
            **function,
        )
        self.refused(
            *invalid,
            "Deletion of aliases is not currently supported.",
            self.client.delete_function,
            Qualifier="live",
            **function,
        )
        self.refused(
            *invalid,
            "$LATEST version cannot be deleted without deleting the function.",
            self.client.delete_function,
            Qualifier="$LATEST",
            **function,
        )


class Invocations(LambdaTest):
    def test_synchronous(self):
        self.create(Publish=True)
        self.client.create_alias(FunctionName=self.function, Name="live", FunctionVersion="1")
        answer = self.client.invoke(FunctionName=f"{self.function}:live", Payload=b'{"a": 1}', LogType="Tail")
        self.assertEqual((answer["StatusCode"], answer["ExecutedVersion"]), (200, "1"))
        self.assertEqual(answer["Payload"].read(), b'{"a": 1}')
        self.assertNotIn("FunctionError", answer)
        log = base64.b64decode(answer["LogResult"]).decode()
        request_id = answer["ResponseMetadata"]["RequestId"]
        self.assertTrue(log.startswith(f"START RequestId: {request_id} Version: 1\n"), log)
        nothing = self.client.invoke(FunctionName=self.function)
        self.assertEqual((nothing["Payload"].read(), nothing["ExecutedVersion"]), (b"{}", "$LATEST"))

    def test_context(self):
        self.create(fixture="context")
        client_context = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
        answer = self.client.invoke(FunctionName=self.function, ClientContext=client_context)
        context = json.load(answer["Payload"])
        self.assertEqual(context["client"], {"custom": {"a": "b"}})
        self.assertEqual(context["request_id"], answer["ResponseMetadata"]["RequestId"])

    def test_events_and_dry_runs(self):
        self.create()
        for kind, status in (("Event", 202), ("DryRun", 204)):
            answer = self.client.invoke(FunctionName=self.function, InvocationType=kind, Payload=b"{}")
            self.assertEqual((answer["StatusCode"], answer["Payload"].read()), (status, b""))
        self.assertEqual(self.client.invoke_async(FunctionName=self.function, InvokeArgs=b"{}")["Status"], 202)

    def test_failures(self):
        for fixture, kind, error_type in (("error", "Handled", None), ("trap", "Unhandled", "Runtime.ExitError")):
            with self.subTest(fixture):
                name = f"{self.function}-{fixture}"
                self.create(fixture=fixture, name=name)
                answer = self.client.invoke(FunctionName=name, Payload=b"{}")
                self.assertEqual((answer["StatusCode"], answer["FunctionError"]), (200, kind))
                error = json.load(answer["Payload"])
                self.assertEqual(error["errorType"], error_type or error["errorType"])

    def test_refusals(self):
        self.create()
        gone = f"{self.function}-gone"
        self.refused(
            "ResourceNotFoundException",
            404,
            f"Function not found: {arn(gone)}:$LATEST",
            self.client.invoke,
            FunctionName=gone,
        )
        self.refused(
            "ResourceNotFoundException",
            404,
            f"Function not found: {arn(self.function)}:7",
            self.client.invoke,
            FunctionName=self.function,
            Qualifier="7",
        )
        self.refused(
            "InvalidRequestContentException",
            400,
            "Could not parse request body into json: Could not parse payload into json: …",
            self.client.invoke,
            FunctionName=self.function,
            Payload=b"{",
        )
        self.refused(
            "RequestEntityTooLargeException",
            413,
            "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
            self.client.invoke,
            FunctionName=self.function,
            Payload=b'"' + b"x" * 6291456 + b'"',
        )
        self.client.put_function_concurrency(FunctionName=self.function, ReservedConcurrentExecutions=0)
        refusal = self.refused(
            "TooManyRequestsException", 429, "Rate Exceeded.", self.client.invoke, FunctionName=self.function
        )
        self.assertEqual(refusal["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded")


class Concurrency(LambdaTest):
    def test_reservations(self):
        self.create(Publish=True)
        function = {"FunctionName": self.function}
        self.assertNotIn("ReservedConcurrentExecutions", self.client.get_function_concurrency(**function))
        put = self.client.put_function_concurrency(ReservedConcurrentExecutions=2, **function)
        self.assertEqual(put["ReservedConcurrentExecutions"], 2)
        self.assertEqual(self.client.get_function_concurrency(**function)["ReservedConcurrentExecutions"], 2)
        shown = self.client.get_function(**function)
        self.assertEqual(shown["Concurrency"], {"ReservedConcurrentExecutions": 2})
        self.client.delete_function_concurrency(**function)
        self.assertNotIn("Concurrency", self.client.get_function(**function))
        self.refused(
            "InvalidParameterValueException",
            400,
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            "below its minimum value of [5].",
            self.client.put_function_concurrency,
            ReservedConcurrentExecutions=46,
            **function,
        )
        self.refused(
            "InvalidParameterValueException",
            400,
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN.",
            self.client.put_function_concurrency,
            FunctionName=f"{self.function}:1",
            ReservedConcurrentExecutions=1,
        )
        self.refused(
            "ResourceNotFoundException",
            404,
            f"Function not found: {arn('gone')}:$LATEST",
            self.client.put_function_concurrency,
            FunctionName="gone",
            ReservedConcurrentExecutions=1,
        )


class EventInvokeConfigs(LambdaTest):
    def test_lifecycle(self):
        self.create(Publish=True)
        destination = f"{self.function}-d"
        self.create(name=destination)
        function = {"FunctionName": self.function}
        put = self.client.put_function_event_invoke_config(MaximumRetryAttempts=1, **function)
        self.assertEqual(put["FunctionArn"], arn(f"{self.function}:$LATEST"))
        self.assertEqual(put["DestinationConfig"], {"OnSuccess": {}, "OnFailure": {}})
        self.assertNotIn("MaximumEventAgeInSeconds", put)
        self.assertLess(abs(put["LastModified"].timestamp() - time.time()), 60)
        failure = {"OnFailure": {"Destination": arn(destination)}}
        updated = self.client.update_function_event_invoke_config(
            MaximumEventAgeInSeconds=60, DestinationConfig=failure, **function
        )
        self.assertEqual((updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]), (1, 60))
        self.assertEqual(updated["DestinationConfig"], {"OnSuccess": {}, **failure})
        replaced = self.client.put_function_event_invoke_config(MaximumEventAgeInSeconds=61, Qualifier="1", **function)
        self.assertNotIn("MaximumRetryAttempts", replaced)
        got = self.client.get_function_event_invoke_config(Qualifier="1", **function)
        self.assertEqual(got["MaximumEventAgeInSeconds"], 61)
        pages = self.client.get_paginator("list_function_event_invoke_configs").paginate(
            PaginationConfig={"PageSize": 1}, **function
        )
        listed = [config["FunctionArn"] for page in pages for config in page["FunctionEventInvokeConfigs"]]
        self.assertEqual(sorted(listed), [arn(f"{self.function}:$LATEST"), arn(f"{self.function}:1")])
        self.client.delete_function_event_invoke_config(Qualifier="1", **function)
        self.refused(
            "ResourceNotFoundException",
            404,
            f"The function {arn(self.function)}:1 doesn't have an EventInvokeConfig",
            self.client.get_function_event_invoke_config,
            Qualifier="1",
            **function,
        )

    def test_refusals(self):
        self.create()
        put, function = self.client.put_function_event_invoke_config, {"FunctionName": self.function}
        invalid = ("InvalidParameterValueException", 400)
        self.refused(
            *invalid, "You must specify at least one of error handling or destination setting.", put, **function
        )
        own = {"OnFailure": {"Destination": arn(self.function)}}
        text = "You can't specify the function as a destination for itself."
        self.refused(*invalid, text, put, DestinationConfig=own, **function)
        gone = {"OnFailure": {"Destination": arn("gone")}}
        self.refused(*invalid, f"The destination ARN {arn('gone')} is invalid.", put, DestinationConfig=gone, **function)
        self.refused(
            "ResourceNotFoundException",
            404,
            "The function doesn't exist.",
            put,
            FunctionName="gone",
            MaximumRetryAttempts=0,
        )


class Permissions(LambdaTest):
    def test_lifecycle(self):
        self.create(Publish=True)
        function = {"FunctionName": self.function}
        request = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
        added = self.client.add_permission(
            SourceArn="arn:aws:s3:::bucket", SourceAccount="123456789012", Qualifier="1", **request, **function
        )
        statement = {
            "Sid": "s3",
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": arn(f"{self.function}:1"),
            "Condition": {
                "StringEquals": {"AWS:SourceAccount": "123456789012"},
                "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"},
            },
        }
        self.assertEqual(json.loads(added["Statement"]), statement)
        got = self.client.get_policy(Qualifier="1", **function)
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
        self.assertEqual(json.loads(got["Policy"]), policy)
        version = self.client.get_function_configuration(Qualifier="1", **function)
        self.assertEqual(got["RevisionId"], version["RevisionId"])
        self.refused(
            "ResourceConflictException",
            409,
            "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing "
            "statement.",
            self.client.add_permission,
            Qualifier="1",
            **request,
            **function,
        )
        remove = {"Qualifier": "1", "StatementId": "s3", **function}
        self.refused(
            "PreconditionFailedException",
            412,
            "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the "
            "latest Revision Id",
            self.client.remove_permission,
            RevisionId="stale",
            **remove,
        )
        self.client.remove_permission(RevisionId=got["RevisionId"], **remove)
        missing = ("ResourceNotFoundException", 404)
        text = "The resource you requested does not exist."
        self.refused(*missing, text, self.client.get_policy, Qualifier="1", **function)
        text = "No policy is associated with the given resource."
        self.refused(*missing, text, self.client.remove_permission, **remove)

    def test_refusals(self):
        self.create()
        add, function = self.client.add_permission, {"FunctionName": self.function}
        request = {"StatementId": "a", "Action": "lambda:InvokeFunction"}
        self.refused(
            "InvalidParameterValueException",
            400,
            "The provided principal was invalid. Please check the principal and try again.",
            add,
            Principal="nobody",
            **request,
            **function,
        )
        self.refused(
            "InvalidParameterValueException",
            400,
            "We currently do not support adding policies for $LATEST.",
            add,
            Principal="*",
            Qualifier="$LATEST",
            **request,
            **function,
        )
        self.refused(
            "ResourceNotFoundException",
            404,
            f"Cannot find alias arn: {arn(self.function)}:gone",
            add,
            Principal="*",
            Qualifier="gone",
            **request,
            **function,
        )


class Tags(LambdaTest):
    def test_lifecycle(self):
        self.create()
        resource = {"Resource": arn(self.function)}
        self.client.tag_resource(Tags={"a": "1", "b c": "2", "d": ""}, **resource)
        self.client.untag_resource(TagKeys=["b c", "d"], **resource)
        self.assertEqual(self.client.list_tags(**resource)["Tags"], {"a": "1"})
        self.assertEqual(self.client.get_function(FunctionName=self.function)["Tags"], {"a": "1"})
        self.refused(
            "InvalidParameterValueException",
            400,
            "Number of tags exceeds resource tag limit.",
            self.client.tag_resource,
            Tags={f"k{number}": "" for number in range(50)},
            **resource,
        )
        self.refused(
            "InvalidParameterValueException",
            400,
            "Tags on function aliases and versions are not supported. Please specify a function ARN.",
            self.client.list_tags,
            Resource=f"{arn(self.function)}:1",
        )


class Unsupported(LambdaTest):
    def test_every_other_operation_says_its_name(self):
        supported = set(SUPPORTED)
        for operation in self.client.meta.service_model.operation_names:
            if operation in supported:
                continue
            model = self.client.meta.service_model.operation_model(operation)
            http = model.http
            path = http["requestUri"].split("?")[0]
            request = urllib.request.Request(ENDPOINT + path.replace("{", "").replace("}", ""), method=http["method"])
            try:
                urllib.request.urlopen(request, data=None if http["method"] == "GET" else b"{}")
                self.fail(f"{operation} succeeded")
            except urllib.error.HTTPError as error:
                message = json.load(error)["message"]
                self.assertEqual((error.code, error.headers["x-amzn-errortype"]), (404, "UnknownOperationException"))
                # The two that share path and method with another one have its name.
                if operation not in ("GetLayerVersionByArn", "ListProvisionedConcurrencyConfigs"):
                    self.assertEqual(message, f"The operation {operation} is not supported by this host.")


SUPPORTED = """
CreateFunction GetFunction GetFunctionConfiguration UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction
ListFunctions GetAccountSettings TagResource UntagResource ListTags PublishVersion ListVersionsByFunction CreateAlias
GetAlias UpdateAlias DeleteAlias ListAliases Invoke InvokeAsync PutFunctionConcurrency GetFunctionConcurrency
DeleteFunctionConcurrency PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig GetFunctionEventInvokeConfig
DeleteFunctionEventInvokeConfig ListFunctionEventInvokeConfigs AddPermission RemovePermission GetPolicy
""".split()


if __name__ == "__main__":
    unittest.main()
