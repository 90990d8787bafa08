"""Encryption of provider keys. The encryption context binds a ciphertext to its tenant and provider."""

from base64 import b64decode, b64encode
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from nexus_ai.aws import clients
from nexus_ai.net.aws_json import ServiceError
from nexus_ai.net.aws_transport import TransportError
from nexus_ai.platform.errors import KeyServiceUnavailable, KeyUnreadable
from nexus_ai.platform.settings import get_settings

# What KMS says of the ciphertext itself (API reference of Decrypt): trying again changes nothing.
_UNREADABLE = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


def encrypt(plaintext: str, context: Mapping[str, str]) -> bytes:
    with _errors():
        answer = clients.kms().call(
            "Encrypt",
            {
                "KeyId": get_settings().provider_keys_key_id,
                "Plaintext": b64encode(plaintext.encode()).decode(),
                "EncryptionContext": context,
            },
        )
    return b64decode(answer["CiphertextBlob"])


def decrypt(ciphertext: bytes, context: Mapping[str, str]) -> str:
    """Raises KeyUnreadable for a ciphertext that is damaged or bound to something else."""
    with _errors():
        answer = clients.kms().call(
            "Decrypt",
            {
                "KeyId": get_settings().provider_keys_key_id,
                "CiphertextBlob": b64encode(ciphertext).decode(),
                "EncryptionContext": context,
            },
        )
    return b64decode(answer["Plaintext"]).decode()


def check() -> None:
    """Raises KeyServiceUnavailable where the key cannot be used. It is not used for that: whoever may ask need not."""
    with _errors():
        key = clients.kms().call("DescribeKey", {"KeyId": get_settings().provider_keys_key_id})["KeyMetadata"]
    if key.get("KeyState") != "Enabled":
        raise KeyServiceUnavailable


@contextmanager
def _errors() -> Generator[None]:
    try:
        yield
    except ServiceError as error:
        if error.code in _UNREADABLE:
            raise KeyUnreadable from error
        raise KeyServiceUnavailable from error
    except TransportError as error:
        raise KeyServiceUnavailable from error
