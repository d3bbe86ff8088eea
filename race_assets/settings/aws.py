"""Fetching secrets from AWS Secrets Manager, once per process; what they are for is not known here.

Credentials are found as boto3 finds them: environment, profile, role. Nothing AWS says is passed on but its error code:
a message about a wrong signature holds the session token.
"""

from functools import cache

from race_assets.errors import SecretUnreachableError, SettingsError
from race_assets.settings.nodes import Node

CONNECT_S, READ_S, ATTEMPTS = 5, 10, 3
PASSING = {"ThrottlingException", "RequestTimeoutException", "InternalServiceError", "ServiceUnavailableException"}
SERVER_ERROR = 500
REMEDIES = {
    "ResourceNotFoundException": "there is no secret of that name there; check the name, aws.region and the account",
    "AccessDeniedException": "the credentials in use may not read it; allow secretsmanager:GetSecretValue on it",
    "InvalidRequestException": "it cannot be read in the state it is in; is it scheduled for deletion?",
    "DecryptionFailure": "the key it is encrypted with cannot be used; allow kms:Decrypt on that key",
    "UnrecognizedClientException": "AWS does not know the credentials in use; correct them",
    "InvalidSignatureException": "AWS refuses the credentials in use; correct the secret access key, or the clock",
    "ExpiredTokenException": "the credentials in use have expired; log in again",
}


class AwsSettings(Node):
    """Where `aws:` references are looked up."""

    region: str | None = None
    endpoint_url: str | None = None


@cache
def fetched(name: str, aws: AwsSettings) -> str:
    """The text of a secret; asked for once per process, failures again.

    Args:
        name: its name or ARN.
        aws: region and endpoint; none means what boto3 finds.

    Raises:
        SettingsError: it is not there, is not text, or may not be read; or credentials, region or endpoint are no good.
        SecretUnreachableError: Secrets Manager cannot be reached or is not well.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as NoConnectionError

    config = Config(connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"total_max_attempts": ATTEMPTS})
    try:
        session = boto3.session.Session(region_name=aws.region)
        client = session.client("secretsmanager", endpoint_url=aws.endpoint_url, config=config)
        answer = client.get_secret_value(SecretId=name)
    except ClientError as error:
        raise _refused(error.response) from None
    except (HTTPClientError, NoConnectionError) as error:
        raise SecretUnreachableError(
            f"Secrets Manager cannot be reached ({type(error).__name__}); check the network, aws.region and "
            "aws.endpoint_url, then try again"
        ) from None
    except (BotoCoreError, ValueError) as error:
        raise SettingsError(f"{_unusable(error)}; see aws.region, aws.endpoint_url and your AWS credentials") from None
    text: str | None = answer.get("SecretString")
    if text is None:
        raise SettingsError("it holds bytes, not text; store it as a secret string")
    return text


def _refused(response: object) -> SettingsError | SecretUnreachableError:
    told = response if isinstance(response, dict) else {}
    code = str(told.get("Error", {}).get("Code", "no code"))
    status = int(told.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in PASSING or status >= SERVER_ERROR:
        return SecretUnreachableError(f"Secrets Manager answers {code} ({status}); try again later")
    return SettingsError(f"{REMEDIES.get(code, 'Secrets Manager refuses to give it')} ({code})")


def _unusable(error: Exception) -> str:
    """What is wrong before anything is sent; the names of these errors say it, and their texts may say too much."""
    told = {
        "NoCredentialsError": "there are no AWS credentials; set AWS_ACCESS_KEY_ID and its secret, or log in",
        "NoRegionError": "there is no AWS region; set aws.region",
        "ProfileNotFound": "the AWS profile that AWS_PROFILE names is not there",
        "ValueError": "aws.endpoint_url is no URL such as http://127.0.0.1:5000",
    }
    return told.get(type(error).__name__, f"AWS cannot be asked ({type(error).__name__})")
