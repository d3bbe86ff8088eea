"""Credentials: how settings hold one without showing it, and how it is found where it is used; not who uses it.

A secret is written as itself, as `env:NAME` (a variable of the process), or as `aws:NAME#KEY` (AWS Secrets Manager; the
key of a JSON object, without it the whole text). Loading settings looks nothing up: `reveal` does.
"""

import json
import os
import re
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from race_assets.errors import SecretUnreachableError, SettingsError
from race_assets.settings.aws import AwsSettings, fetched

HIDDEN = "**********"
ENV, AWS = "env:", "aws:"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AWS_NAME = re.compile(r"[^#\s]+(#.+)?")


class Secret:
    """A credential as the settings have it: hidden in every text, equal to another that is written alike.

    Args:
        written: the value itself, `env:NAME`, or `aws:NAME#KEY`.
        setting: the path of the setting it belongs to, for messages.

    Raises:
        ValueError: it is empty, or a reference is not made as references are.
    """

    __slots__ = ("_written", "setting")

    def __init__(self, written: str, setting: str = "a secret") -> None:
        if not written:
            raise ValueError("is empty; leave it out, or give a value, env:NAME or aws:NAME#KEY")
        if written.startswith(ENV) and not _VARIABLE.fullmatch(written.removeprefix(ENV)):
            raise ValueError("env: must be followed by the name of a variable, and nothing else")
        if written.startswith(AWS) and not _AWS_NAME.fullmatch(written.removeprefix(AWS)):
            raise ValueError(
                "aws: must be followed by the name or ARN of a secret, and #KEY for a key of a JSON secret"
            )
        self._written = written
        self.setting = setting

    def reveal(self, aws: AwsSettings) -> str:
        """The value, looked up now if it is a reference.

        Args:
            aws: where `aws:` references are looked up.

        Raises:
            SettingsError: what the reference names is not there or cannot be used; names setting and reference.
            SecretUnreachableError: AWS Secrets Manager cannot be reached.
        """
        try:
            if self._written.startswith(ENV):
                return _of_variable(self._written.removeprefix(ENV))
            if self._written.startswith(AWS):
                return _of_aws(self._written.removeprefix(AWS), aws)
        except (SettingsError, SecretUnreachableError) as error:
            raise type(error)(f"{self.setting}: {self._written}: {error}") from None
        return self._written

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._written == other._written

    def __hash__(self) -> int:
        return hash(self._written)

    def __str__(self) -> str:
        return HIDDEN

    def __repr__(self) -> str:
        return f"Secret('{HIDDEN}')"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Pydantic: made of text, written as stars."""
        del source, handler
        hidden = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        return core_schema.no_info_plain_validator_function(_made, serialization=hidden)


def _made(value: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        # YAML would make another number of 007.
        raise ValueError("must be text; put it in quotes")  # noqa: TRY004 - what pydantic expects
    return Secret(value)


def _of_variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        how = "is empty" if value == "" else "is not set"
        raise SettingsError(f"the variable {name} {how} in this process; set it, or change the setting")
    return value


def _of_aws(reference: str, aws: AwsSettings) -> str:
    name, hash_sign, wanted = reference.partition("#")
    text = fetched(name, aws)
    if not hash_sign:
        return text
    try:
        keys = json.loads(text)
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise SettingsError("the secret is no JSON object, so it has no keys; leave #KEY out")
    value = keys.get(wanted)
    if value is None:
        raise SettingsError(f"the secret has no key {wanted!r}; it has {', '.join(sorted(keys)) or 'none'}")
    if isinstance(value, dict | list | bool) or value == "":
        raise SettingsError(f"the key {wanted!r} of the secret holds no text that could be a credential")
    return str(value)
