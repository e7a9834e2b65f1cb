"""Every way in which boto3 can lack credentials is told as such, new ones too."""

import inspect
import re

import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from ec2spawner.core.errors import Reason
from ec2spawner.ec2.errors import admin_hint, from_botocore
from ec2spawner.ec2.errors.ec2_error import _OF_CREDENTIALS
from ec2spawner.ec2.errors.table import CREDENTIALS

SPEAKS_OF_THEM = re.compile(
    r"credential|profile|token|sso|login|assume|imds|metadata|config", re.IGNORECASE
)
# They speak of a request, of an endpoint or of S3.
OTHERS = {
    "AwsChunkedWrapperError",
    "EventStreamError",
    "InvalidChecksumConfigError",
    "InvalidDNSNameError",
    "InvalidDefaultsMode",
    "InvalidEndpointConfigurationError",
    "InvalidEndpointDiscoveryConfigurationError",
    "InvalidProxiesConfigError",
    "InvalidRetryConfigurationError",
    "InvalidMaxRetryAttemptsError",
    "InvalidRetryModeError",
    "InvalidS3UsEast1RegionalEndpointConfigError",
    "InvalidSTSRegionalEndpointsConfigError",
    "MissingServiceIdError",
    "UnsupportedS3AccesspointConfigurationError",
    "UnsupportedS3ConfigurationError",
    "UnsupportedS3ControlConfigurationError",
    "WaiterConfigError",
}


def errors_of_botocore():
    for name, value in vars(exceptions).items():
        if inspect.isclass(value) and issubclass(value, BotoCoreError):
            if not issubclass(value, ClientError):
                yield name, value


def made(error_class):
    """An instance, whatever its text wants to be filled with."""
    fields = re.findall(r"\{(\w+)", error_class.fmt)
    return error_class(**{name: "x" for name in fields})


def about_credentials():
    for name, value in errors_of_botocore():
        if SPEAKS_OF_THEM.search(f"{name} {value.fmt}") and name not in OTHERS:
            yield name


FOUND = sorted({*about_credentials(), *(c.__name__ for c in _OF_CREDENTIALS)})


def test_they_are_found():
    assert {"NoCredentialsError", "SSOTokenLoadError", "ProfileNotFound"} <= set(FOUND)


@pytest.mark.parametrize("name", FOUND)
def test_an_error_of_credentials_is_told_as_one(name):
    error = from_botocore("RunInstances", made(vars(exceptions)[name]))
    assert (error.meaning, error.meaning.reason) == (CREDENTIALS, Reason.PERMISSION)
    assert "credentials" in admin_hint(error)


@pytest.mark.parametrize(
    "name", ["ReadTimeoutError", "SSLError", "ParamValidationError"]
)
def test_no_other_error_is(name):
    error = from_botocore("RunInstances", made(vars(exceptions)[name]))
    assert error.meaning is not CREDENTIALS
