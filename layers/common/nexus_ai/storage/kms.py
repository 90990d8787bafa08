"""Encryption of provider keys. The encryption context binds a ciphertext to its tenant and provider."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from nexus_ai.core.errors import KeyServiceUnavailable, KeyUnreadable
from nexus_ai.core.settings import get_settings
from nexus_ai.storage import aws

# What KMS says of the ciphertext itself (API reference of Decrypt): trying again changes nothing.
_UNREADABLE = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


def encrypt(plaintext: str, context: Mapping[str, str]) -> bytes:
    with _errors():
        answer = aws.kms().encrypt(
            KeyId=get_settings().provider_keys_key_id, Plaintext=plaintext.encode(), EncryptionContext=context
        )
    return bytes(answer["CiphertextBlob"])


def decrypt(ciphertext: bytes, context: Mapping[str, str]) -> str:
    """Raises KeyUnreadable for a ciphertext that is damaged or bound to something else."""
    with _errors():
        answer = aws.kms().decrypt(
            KeyId=get_settings().provider_keys_key_id, CiphertextBlob=ciphertext, EncryptionContext=context
        )
    return bytes(answer["Plaintext"]).decode()


def check() -> None:
    """Raises KeyServiceUnavailable where the key cannot be used. It is not used for that: whoever may ask need not."""
    with _errors():
        key = aws.kms().describe_key(KeyId=get_settings().provider_keys_key_id)["KeyMetadata"]
    if key.get("KeyState") != "Enabled":
        raise KeyServiceUnavailable


@contextmanager
def _errors() -> Generator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (comes with the client, on first use)

    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _UNREADABLE:
            raise KeyUnreadable from error
        raise KeyServiceUnavailable from error
    except BotoCoreError as error:
        raise KeyServiceUnavailable from error
