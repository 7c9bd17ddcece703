"""Authentication and scopes of API keys, each for one store or for all stores."""

import contextlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from app import logs
from app.domain import ids
from app.domain.errors import Forbidden, NotAvailable, Unknown
from app.storage.postgres.database import Database
from app.storage.postgres.retry import again
from app.storage.stores import api_keys, oauth_keys, sessions
from app.storage.stores.api_keys import ApiKey
from app.storage.stores.oauth_keys import OAuthCredentials
from app.storage.stores.sessions import OpenSession
from app.web.attempts import WrongKeys
from app.web.problems import Unauthorized

Found = TypeVar("Found")
SCOPES = ("read", "write", "admin")
# Seconds for which a caller is cached. A revoked key works that long; a stream of events, which is
# checked once a second, one second longer.
REMEMBERED_FOR = 4.0
# Seconds between two records of the use of a key by this process.
_USE_EVERY = 60.0
_MOST_REMEMBERED = 1000
# What a log line names by its id; it names a store by its number.
_LOGGED = frozenset({"order_id", "update_id"})
_IMPLIED = {"admin": {"read", "write", "admin"}, "write": {"read", "write"}, "read": {"read"}}


@dataclass(frozen=True, slots=True)
class Caller:
    """The API key of a request, and what it allows."""

    key: str
    """Id of the key."""
    name: str
    store_id: int | None
    """None means every store."""
    scopes: frozenset[str]
    """With the scopes that they imply."""

    def require(self, scope: str) -> None:
        """Raises Forbidden without the scope."""
        if scope not in self.scopes:
            raise Forbidden("scope_missing", f"This needs an API key with the scope {scope}.")

    def require_every_store(self) -> None:
        """Raises Forbidden for a key that sees one store."""
        if self.store_id is not None:
            self.require("every store")

    def store_of(self, identifier: UUID, what: str) -> int:
        """The store number in an id. Raises Unknown, also for a store that the key may not see."""
        store = ids.store_of(identifier)
        if store is None or self.store_id not in {None, store}:
            raise Unknown(what, identifier)
        named = f"{what}_id"
        logs.about(store_id=store, **({named: identifier} if named in _LOGGED else {}))
        return store


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person who is signed in to the page."""

    caller: Caller
    """The key of the session, within the limits of the session."""
    session: OpenSession


def implied(scopes: frozenset[str]) -> frozenset[str]:
    """The scopes, with the scopes that they imply."""
    return frozenset().union(*(_IMPLIED.get(scope, set()) for scope in scopes))


@dataclass(slots=True)
class KeyRing:
    """Finds the caller of a secret, and caches it for a few seconds."""

    database: Database
    admin_key: str | None
    monotonic: Callable[[], float]
    wrong: WrongKeys = field(init=False)
    signers: dict[bytes, OAuthCredentials] = field(default_factory=dict)
    """Credentials that were asked for lately, by the digest of the consumer key. They serve to
    refuse a signature; whether one is right, only the database says."""
    _remembered: dict[bytes, tuple[float, Caller]] = field(default_factory=dict)
    _working: dict[str, float] = field(default_factory=dict)
    """Until when each key of a stream counts as one that works."""
    _use_recorded: dict[UUID, float] = field(default_factory=dict)
    _signed_in: dict[bytes, tuple[float, SignedIn]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.wrong = WrongKeys(self.monotonic, self._read_working)

    async def caller(self, secret: str) -> Caller:
        """The caller with this secret. Raises Unauthorized or TooManyAttempts."""
        if self._is_admin(secret):
            return Caller("admin", "admin", None, frozenset(SCOPES))
        digest = api_keys.digest_of(secret)
        until, known = self._remembered.get(digest, (0.0, None))
        if known is not None and self.monotonic() < until:
            return known
        await self.wrong.admit(digest)
        with self.wrong.looking():
            key, works = await again(lambda: self._look_up(secret))
        if key is None:
            raise self.wrong.wrong(digest)
        if not works:
            raise self.wrong.ended(digest, _why_ended(key))
        await self.record_use(key.id)
        caller = Caller(str(key.id), key.name, key.store_id, implied(key.scopes))
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[digest] = (self.monotonic() + REMEMBERED_FOR, caller)
        return caller

    async def require_working(self, caller: Caller) -> None:
        """Raises Unauthorized if the key of a caller works no more."""
        if caller.key == "admin" or self.monotonic() < self._working.get(caller.key, 0.0):
            return
        async with self.database.begin() as connection:
            if not await api_keys.is_working(connection, UUID(caller.key)):
                raise Unauthorized
        if len(self._working) >= _MOST_REMEMBERED:
            self._working.clear()
        self._working[caller.key] = self.monotonic() + REMEMBERED_FOR

    async def record_use(self, key_id: UUID) -> None:
        """Record the use of a key, at most once a minute, in a transaction of its own.

        A request does not fail because its key's use cannot be recorded.
        """
        now = self.monotonic()
        # mutation: key-use-once-a-minute
        if now < self._use_recorded.get(key_id, now):
            return
        self._use_recorded[key_id] = now + _USE_EVERY
        with contextlib.suppress(NotAvailable):
            async with self.database.begin() as connection:
                await api_keys.use(connection, key_id)

    async def signed_in(self, token: str, *, used: bool) -> SignedIn:
        """The person with this session token. Raises Unauthorized or TooManyAttempts.

        used: a person does something just now, so the session lasts longer.
        """
        digest = sessions.digest(token)
        until, known = self._signed_in.get(digest, (0.0, None))
        if known is not None and self.monotonic() < until:
            return known
        found = await self.known(token, lambda: self._find_session(token, used=used))
        if len(self._signed_in) >= _MOST_REMEMBERED:
            self._signed_in.clear()
        self._signed_in[digest] = (self.monotonic() + REMEMBERED_FOR, found)
        return found

    async def known(self, token: str, look: Callable[[], Awaitable[Found | None]]) -> Found:
        """What a token of a session or a sign-in link is of; look asks the database.

        Raises Unauthorized for a token of nothing, TooManyAttempts.
        """
        digest = sessions.digest(token)
        # mutation: wrong-sessions-and-links-limited
        await self.wrong.admit(digest)
        with self.wrong.looking():
            found = await again(look)
        if found is None:
            raise self.wrong.strange(digest)
        return found

    def remember_signer(self, consumer: bytes, credentials: OAuthCredentials) -> None:
        """Remember the credentials of a consumer key, which never change."""
        if len(self.signers) >= _MOST_REMEMBERED:
            self.signers.clear()
        self.signers[consumer] = credentials

    def forget_session(self, token: str) -> None:
        """Forget a session that ended. Other processes forget it within REMEMBERED_FOR."""
        self._signed_in.pop(sessions.digest(token), None)

    async def _find_session(self, token: str, *, used: bool) -> SignedIn | None:
        async with self.database.begin() as connection:
            session = await sessions.find(connection, token, used=used)
        if session is None or session.access.admin_hash not in {None, self.admin_hash}:
            return None
        access = session.access
        if used and access.key_id is not None:
            await self.record_use(access.key_id)
        key = "admin" if access.key_id is None else str(access.key_id)
        scopes = implied(frozenset({access.scope}))
        return SignedIn(Caller(key, access.signature, access.store_id, scopes), session)

    @property
    def admin_hash(self) -> bytes | None:
        """Digest of the admin key of the settings."""
        return None if self.admin_key is None else sessions.digest(self.admin_key)

    def _is_admin(self, secret: str) -> bool:
        return self.admin_key is not None and hmac.compare_digest(
            secret.encode(errors="replace"), self.admin_key.encode()
        )

    async def _look_up(self, secret: str) -> tuple[ApiKey | None, bool]:
        """The key that a secret is or was of, and whether it works."""
        async with self.database.begin() as connection:
            key = await api_keys.find(connection, secret)
            if key is not None:
                return key, True
            return await api_keys.find_ended(connection, secret), False

    async def _read_working(self) -> set[bytes]:
        async with self.database.begin() as connection:
            signing = await oauth_keys.working_consumers(connection)
            people = await sessions.working_digests(connection)
            keys = await api_keys.working_digests(connection)
            return keys | people | {api_keys.digest_of(each) for each in signing}


def _why_ended(key: ApiKey) -> str:
    # mutation: expired-key-says-so
    if key.revoked_at is not None:
        return "The API key was revoked. Use another."
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        return f"The API key expired at {_shown(key.expires_at)}. Create another."
    return "The API key was given a new secret, and this one has ended. Use the new one."


def _shown(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
