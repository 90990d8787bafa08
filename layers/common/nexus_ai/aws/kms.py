"""Encrypt and decrypt provider keys. The encryption context binds a ciphertext to its tenant and provider."""

from base64 import b64decode, b64encode
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from nexus_ai.aws import clients
from nexus_ai.net.aws_json import ServiceError
from nexus_ai.net.aws_transport import TransportError
from nexus_ai.platform.errors import KeyServiceUnavailable, KeyUnreadable
from nexus_ai.platform.settings import get_settings

# KMS errors about the ciphertext itself (API reference of Decrypt). A retry cannot help.
_UNREADABLE = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


def encrypt(plaintext: str, context: Mapping[str, str]) -> bytes:
    """Encrypt a text under the deployment's key.

    Raises:
        KeyServiceUnavailable: KMS failed or could not be reached.
    """
    with _map_errors():
        response = clients.kms().call(
            "Encrypt",
            {
                "KeyId": get_settings().provider_keys_key_id,
                "Plaintext": b64encode(plaintext.encode()).decode(),
                "EncryptionContext": context,
            },
        )
    return b64decode(response["CiphertextBlob"])


def decrypt(ciphertext: bytes, context: Mapping[str, str]) -> str:
    """Decrypt a ciphertext.

    Raises:
        KeyUnreadable: The ciphertext is damaged, or it was encrypted with another context or key.
        KeyServiceUnavailable: KMS failed or could not be reached.
    """
    with _map_errors():
        response = clients.kms().call(
            "Decrypt",
            {
                "KeyId": get_settings().provider_keys_key_id,
                "CiphertextBlob": b64encode(ciphertext).decode(),
                "EncryptionContext": context,
            },
        )
    return b64decode(response["Plaintext"]).decode()


def check() -> None:
    """Check that the key is enabled. Needs only `kms:DescribeKey`, not the right to use the key.

    Raises:
        KeyServiceUnavailable: The key is disabled, or KMS could not be reached.
    """
    with _map_errors():
        key = clients.kms().call("DescribeKey", {"KeyId": get_settings().provider_keys_key_id})["KeyMetadata"]
    if key.get("KeyState") != "Enabled":
        raise KeyServiceUnavailable


@contextmanager
def _map_errors() -> Generator[None]:
    try:
        yield
    except ServiceError as error:
        if error.code in _UNREADABLE:
            raise KeyUnreadable from error
        raise KeyServiceUnavailable from error
    except TransportError as error:
        raise KeyServiceUnavailable from error
