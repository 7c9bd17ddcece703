"""Encryption of store secrets: with the first Fernet key, readable with any, for rotation."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

# Decrypted secrets that are cached in memory, where the accounts of calls have them as well.
_KEPT = 1000


class CannotDecrypt(Exception):
    """None of the configured encryption keys reads a stored secret."""

    def __init__(self) -> None:
        super().__init__(
            "a stored secret cannot be read with any of WAYBILL_ENCRYPTION_KEYS: "
            "put the key it was written with back at the end of the list"
        )


class SecretCipher:
    """Encrypts and decrypts secrets. Raises ValueError when made with a malformed key or none."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one encryption key is needed")
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._newest = Fernet(keys[0])
        # A cache, because every claim needs the secrets of its stores.
        self._opened: dict[bytes, str] = {}

    def seal(self, secret: str) -> bytes:
        """Encrypt a secret with the newest key."""
        return self._fernet.encrypt(secret.encode())

    def open(self, sealed: bytes) -> str:
        """Decrypt a secret. Raises CannotDecrypt when no key fits."""
        if (known := self._opened.get(sealed)) is not None:
            return known
        try:
            secret = self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise CannotDecrypt from error
        if len(self._opened) >= _KEPT:
            self._opened.clear()
        self._opened[sealed] = secret
        return secret

    def is_newest(self, sealed: bytes) -> bool:
        """Whether a secret is encrypted with the newest key."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def renew(self, sealed: bytes) -> bytes:
        """Encrypt a secret anew, with the newest key. Raises CannotDecrypt when no key fits."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken as error:
            raise CannotDecrypt from error
