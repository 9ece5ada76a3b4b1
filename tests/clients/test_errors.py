"""Every error of the contract that a client can provoke and that `test_boto3` does not show beside an operation."""

import base64

from lambda_client import LambdaTest, arn, code, new_code

NOT_FOUND = ("ResourceNotFoundException", 404)
INVALID = ("InvalidParameterValueException", 400)
VALIDATION = ("ValidationException", 400)
CONTENT = ("InvalidRequestContentException", 400)
TOO_LARGE = ("RequestEntityTooLargeException", 413)
STALE = (
    "PreconditionFailedException",
    412,
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the "
    "latest Revision Id",
)
STALE_POLICY = (*STALE[:2], STALE[2].replace("GetFunction/GetAlias", "GetPolicy"))
GRANT = {"StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
WEIGHTS = {"AdditionalVersionWeights": {"2": 0.5}}


class NotFound(LambdaTest):
    def test_unknown_functions(self):
        missing, client = arn("gone"), self.client
        not_found = f"Function not found: {missing}"
        for text, operation, more in (
            (not_found, client.update_function_code, {"ZipFile": code("echo")}),
            (not_found, client.update_function_configuration, {"Timeout": 1}),
            (not_found, client.publish_version, {}),
            (not_found, client.list_versions_by_function, {}),
            (not_found, client.list_aliases, {}),
            (not_found, client.get_function_concurrency, {}),
            (not_found, client.delete_function, {}),
            (not_found, client.delete_function, {"Qualifier": "1"}),
            (not_found, client.add_permission, GRANT),
            (f"{not_found}:1", client.create_alias, {"Name": "a", "FunctionVersion": "1"}),
            (f"{not_found}:$LATEST", client.invoke, {"InvocationType": "Event"}),
            (f"{not_found}:$LATEST", client.invoke, {"InvocationType": "DryRun"}),
            (f"{not_found}:live", client.invoke, {"Qualifier": "live"}),
            (f"{not_found}:live", client.get_function_configuration, {"Qualifier": "live"}),
            (f"Cannot find alias arn: {missing}:a", client.get_alias, {"Name": "a"}),
            (f"Alias not found: {missing}:a", client.update_alias, {"Name": "a"}),
            ("The function doesn't exist.", client.update_function_event_invoke_config, {"MaximumRetryAttempts": 1}),
            ("The function doesn't exist.", client.list_function_event_invoke_configs, {}),
            (f"The function {missing}:$LATEST doesn't have an EventInvokeConfig", client.get_function_event_invoke_config, {}),
            (f"The function {missing}:1 doesn't have an EventInvokeConfig", client.delete_function_event_invoke_config, {"Qualifier": "1"}),
            ("The resource you requested does not exist.", client.get_policy, {}),
            (f"No policy found for: {missing}", client.remove_permission, {"StatementId": "a"}),
        ):
            with self.subTest(text):
                self.refused(*NOT_FOUND, text, operation, FunctionName="gone", **more)
        for operation, more in (
            (client.list_tags, {}),
            (client.tag_resource, {"Tags": {"a": "b"}}),
            (client.untag_resource, {"TagKeys": ["a"]}),
        ):
            self.refused(*NOT_FOUND, f"Function not found: {missing}", operation, Resource=missing, **more)

    def test_unknown_parts_of_functions(self):
        self.create()
        function, own = {"FunctionName": self.function}, arn(self.function)
        for qualifier in ("7", "gone", "$latest"):
            text = f"Function not found: {own}:{qualifier}"
            self.refused(*NOT_FOUND, text, self.client.get_function, Qualifier=qualifier, **function)
            self.refused(*NOT_FOUND, text, self.client.invoke, Qualifier=qualifier, **function)
        # The name may have the qualifier, too.
        self.refused(*NOT_FOUND, f"Function not found: {own}:7", self.client.get_function, FunctionName=f"{own}:7")
        self.client.add_permission(**GRANT, **function)
        text = "Statement b is not found in resource policy."
        self.refused(*NOT_FOUND, text, self.client.remove_permission, StatementId="b", **function)
        text = f"The function {own}:$LATEST doesn't have an EventInvokeConfig"
        self.refused(*NOT_FOUND, text, self.client.delete_function_event_invoke_config, **function)

    def test_other_regions(self):
        other = "arn:aws:lambda:eu-west-1:000000000000:function:f"
        text = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
        client = self.client
        for operation, more in (
            (client.invoke, {}),
            (client.delete_function, {}),
            (client.publish_version, {}),
            (client.get_policy, {}),
            (client.update_function_configuration, {}),
            (client.put_function_concurrency, {"ReservedConcurrentExecutions": 1}),
            (client.put_function_event_invoke_config, {"MaximumRetryAttempts": 1}),
        ):
            self.refused(*NOT_FOUND, text, operation, FunctionName=other, **more)


class Invalid(LambdaTest):
    def test_names(self):
        create = self.create
        self.refused(
            *VALIDATION,
            "1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: Member must satisfy "
            "regular expression pattern: …",
            create,
            name="a b",
        )
        # Before anything is looked up.
        for operation in (self.client.get_function, self.client.invoke):
            for name in ("a b", f"{arn('f')}:$LATES"):
                self.refused(*VALIDATION, "1 validation error detected: …", operation, FunctionName=name)
        long = arn("x" * 100)
        self.refused(
            *VALIDATION,
            f"1 validation error detected: Value '{long}' at 'functionName' failed to satisfy constraint: Member must have "
            "length less than or equal to 140",
            create,
            name=long,
        )
        self.refused(
            *NOT_FOUND, f"Function not found: {arn('function')}", self.client.get_function, FunctionName=arn("function")
        )

    def test_listings(self):
        self.refused(
            *VALIDATION,
            "1 validation error detected: Value 'SOME' at 'functionVersion' failed to satisfy constraint: Member must "
            "satisfy enum value set: [ALL]",
            self.client.list_functions,
            FunctionVersion="SOME",
        )
        text = "MasterRegion of ListFunctions can only be ALL on this host."
        self.refused(*INVALID, text, self.client.list_functions, MasterRegion="eu-west-1")
        self.refused(*INVALID, "…", self.client.list_functions, Marker="no marker")

    def test_destinations(self):
        self.create()
        put = self.client.put_function_event_invoke_config
        queue = "arn:aws:sqs:us-east-1:000000000000:q"
        self.refused(
            *INVALID,
            "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination="
            f"{queue}), onFailure=null) is invalid.",
            put,
            FunctionName=self.function,
            DestinationConfig={"OnSuccess": {"Destination": queue}},
        )

    def test_qualified_names(self):
        self.create(Publish=True)
        text = (
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN."
        )
        name = {"FunctionName": f"{self.function}:1"}
        for operation in (self.client.get_function_concurrency, self.client.delete_function_concurrency):
            self.refused(*INVALID, text, operation, **name)

    def test_tags(self):
        version = f"{arn(self.function)}:1"
        text = "Tags on function aliases and versions are not supported. Please specify a function ARN."
        self.refused(*INVALID, text, self.client.tag_resource, Resource=version, Tags={"a": "b"})
        self.refused(*INVALID, text, self.client.untag_resource, Resource=version, TagKeys=["a"])

    def test_content(self):
        self.create()
        invoke, function = self.client.invoke, {"FunctionName": self.function}
        for context in (b"{", b"[]", b"7"):
            text = "Client context must be a valid Base64-encoded JSON object."
            self.refused(*CONTENT, text, invoke, ClientContext=base64.b64encode(context).decode(), **function)
        for payload in (b"{", b"\x87", b"x"):
            text = "Could not parse request body into json: Could not parse payload into json: …"
            self.refused(*CONTENT, text, invoke, Payload=payload, InvocationType="Event", **function)

    def test_retired_runtimes(self):
        self.refused(
            *INVALID,
            "The runtime parameter of python2.7 is no longer supported for creating or updating AWS Lambda functions. We "
            "recommend you use a supported runtime while creating or updating functions.",
            self.create,
            Runtime="python2.7",
        )


class Limits(LambdaTest):
    def test_sizes(self):
        self.create()
        self.refused(
            *TOO_LARGE,
            "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
            self.client.invoke,
            FunctionName=self.function,
            InvocationType="Event",
            Payload=b'"' + b"x" * (1048577 - 2) + b'"',
        )
        # The host's largest upload, and the API's largest request.
        text = "Zipped size must be smaller than 52428800 bytes"
        self.refused(*TOO_LARGE, text, self.create, name="large", Code={"ZipFile": bytes(52428801)})
        for name, operation, more in (
            ("CreateFunction", self.create, {"name": "larger", "Code": {"ZipFile": bytes(53_000_000)}}),
            ("UpdateFunctionCode", self.client.update_function_code, {"FunctionName": self.function, "ZipFile": bytes(53_000_000)}),
        ):
            text = f"Request must be smaller than 70167211 bytes for the {name} operation"
            self.refused(*TOO_LARGE, text, operation, **more)

    def test_policies(self):
        self.create()
        with self.assertRaises(self.client.exceptions.PolicyLengthExceededException) as raised:
            for number in range(100):
                self.client.add_permission(
                    FunctionName=self.function,
                    **GRANT | {"StatementId": f"s{number}"},
                    SourceArn="arn:aws:s3:::" + "x" * 2000,
                )
        message = raised.exception.response["Error"]["Message"]
        self.assertRegex(message, r"^The final policy size \(\d+\) is bigger than the limit \(20480\)\.$")

    def test_environment_to_the_byte(self):
        largest = {"KEY": "x" * (4096 - len('{"KEY":""}'))}
        self.create(Environment={"Variables": largest})
        update, more = self.client.update_function_configuration, {"KEY": largest["KEY"] + "x"}
        text = "Lambda was unable to configure your environment variables because the environment variables you have …"
        self.refused(*INVALID, text, update, FunctionName=self.function, Environment={"Variables": more})


class Stale(LambdaTest):
    def test_every_precondition(self):
        self.create(Publish=True)
        self.client.create_alias(FunctionName=self.function, Name="live", FunctionVersion="1")
        self.client.add_permission(FunctionName=self.function, **GRANT)
        client = self.client
        for refusal, operation, more in (
            (STALE, client.update_function_code, {"ZipFile": code("echo")}),
            (STALE, client.update_function_configuration, {"Timeout": 1}),
            (STALE, client.publish_version, {}),
            (STALE, client.update_alias, {"Name": "live"}),
            (STALE_POLICY, client.add_permission, GRANT | {"StatementId": "b"}),
            (STALE_POLICY, client.remove_permission, {"StatementId": "a"}),
        ):
            self.refused(*refusal, operation, FunctionName=self.function, RevisionId="stale", **more)
        # And every one holds with the revision that is there.
        latest = lambda: client.get_function(FunctionName=self.function)["Configuration"]["RevisionId"]
        client.update_function_code(FunctionName=self.function, ZipFile=new_code("echo"), RevisionId=latest())
        self.updated()
        client.update_function_configuration(FunctionName=self.function, Timeout=1, RevisionId=latest())
        self.updated()
        client.publish_version(FunctionName=self.function, RevisionId=latest())
        alias = client.get_alias(FunctionName=self.function, Name="live")["RevisionId"]
        client.update_alias(FunctionName=self.function, Name="live", RevisionId=alias, FunctionVersion="2")
        policy = client.get_policy(FunctionName=self.function)["RevisionId"]
        client.add_permission(FunctionName=self.function, **GRANT | {"StatementId": "b"}, RevisionId=latest())
        self.assertNotEqual(policy, latest())
        client.remove_permission(FunctionName=self.function, StatementId="a", RevisionId=latest())


class Denied(LambdaTest):
    def test_other_accounts(self):
        other = "arn:aws:lambda:us-east-1:111111111111:function:f"
        client = self.client
        for action, operation, more in (
            ("InvokeFunction", client.invoke, {}),
            ("DeleteFunction", client.delete_function, {}),
            ("PublishVersion", client.publish_version, {}),
            ("GetPolicy", client.get_policy, {}),
            ("UpdateFunctionConfiguration", client.update_function_configuration, {}),
        ):
            self.refused(
                "AccessDeniedException",
                403,
                f"User: arn:aws:iam::000000000000:root is not authorized to perform: lambda:{action} on resource: {other} "
                f"because no resource-based policy allows the lambda:{action} action",
                operation,
                FunctionName=other,
                **more,
            )
