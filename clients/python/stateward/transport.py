"""What all clients share: requests, answers, paths, JSON.

A call is written once, as a generator that yields each Request and is sent its Response:

    def get_session(session_id: str) -> Exchange[Session]:
        response = yield Request("GET", path("sessions", session_id))
        return response.record(Session)

`SyncTransport.run()` and `AsyncTransport.run()` carry it out. Any answer that is not what the
request asks for is thrown into the generator as an exception of `stateward.errors`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

from stateward.errors import StorageError

JSON_TYPE = "application/json"
USER_AGENT = "stateward-python/0.1.0"
TIMEOUT = 30.0  # seconds in which no byte moves

_SHOWN = 80  # bytes of a body in the text of an error

T = TypeVar("T")

_PLAIN_BASE = re.compile(r"[!-~]*")
_NO_SCHEME = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?/?")
_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_.:-]+")


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    idempotent: bool = True
    """Whether it may be sent again when it is not known what became of it."""
    session_id: str | None = None
    """Names the session in the text of SessionNotFoundError."""
    answer: str | None = JSON_TYPE
    """The media type of the answer; None: 204, which has no body."""
    expected: tuple[int, ...] = ()
    """Statuses beside 200 and 201 that are no error here."""
    reads: bool = False
    """Whether it changes nothing although it is no GET."""

    @property
    def shown(self) -> str:
        """Method and path, for texts: a query may be long."""
        return f"{self.method} {self.path.partition('?')[0]}"

    @property
    def changes(self) -> bool:
        return not self.reads and self.method != "GET"

    def is_answered_by(self, response: Response) -> bool:
        """Whether that is what it asks for: a proxy or another service may say 200, too."""
        if response.status == 204:
            return self.answer is None
        if response.status == 304:
            return response.status in self.expected
        known = response.status in (200, 201) or response.status in self.expected
        return known and response.media_type == self.answer


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def media_type(self) -> str:
        """Without parameters, in lower case; empty if it says none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def start(self) -> str:
        """Its media type and the first bytes, for the text of an error."""
        kind = self.media_type or "no Content-Type"
        more = "..." if len(self.body) > _SHOWN else ""
        return f"{kind}, {self.body[:_SHOWN].decode(errors='replace')!r}{more}"

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What fails in taking the body apart becomes a StorageError."""
        try:
            yield
        except (LookupError, RecursionError, TypeError, ValueError) as error:
            text = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise StorageError(
                f"The answer cannot be read: {text}: {self.start()}",
                status=self.status,
                request_id=self.headers.get("x-request-id"),
            ) from error

    def text(self) -> str:
        with self.reading():
            return self.body.decode()

    def record(self, kind: type[T]) -> T:
        """The object that it holds, with all that a dict of this kind (`types.py`) must have."""
        with self.reading():
            value = json.loads(self.body)
            if not isinstance(value, dict):
                raise TypeError("it is no object")
            for name in getattr(kind, "__required_keys__", ()):
                if name not in value:
                    raise KeyError(name)
        return cast(T, value)

    def member(self, name: str, kind: type[T]) -> T:
        """One member of that object, which is a list or a number."""
        with self.reading():
            value = json.loads(self.body)[name]
            if not isinstance(value, kind):
                raise TypeError(f"{name!r} is no {kind.__name__}")
        return value


Exchange = Generator[Request, Response, T]


@dataclass(frozen=True)
class Address:
    """Where the service is, and what every request to it carries."""

    secure: bool
    host: str
    port: int
    base: str
    headers: Mapping[str, str]

    @classmethod
    def parse(cls, url: str, token: str | None) -> Address:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            # The URL of a database, given by mistake, may hold a password.
            shown = f"{parts.scheme}:..." if parts.scheme else url
            hint = f" (did you mean http://{url}?)" if _NO_SCHEME.fullmatch(url) else ""
            raise ValueError(f"not an http or https URL: {shown!r}{hint}")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("the URL must not have a user, a query or a fragment")
        if not _PLAIN_BASE.fullmatch(parts.path):
            raise ValueError(f"the path of the URL is not percent-encoded: {url!r}")
        secure = parts.scheme == "https"
        port = parts.port
        if port is None:
            port = 443 if secure else 80
        if port == 0:
            raise ValueError("the port of the URL is 0")
        headers = {"User-Agent": USER_AGENT}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return cls(secure, parts.hostname, port, parts.path.rstrip("/"), headers)

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host_header}{self.base}"


def segment(text: str) -> str:
    """One segment of a path. Proxies refuse %2F and collapse dots: such ids go as base64url."""
    if _PLAIN_SEGMENT.fullmatch(text) and text not in (".", ".."):
        return text
    return "~" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def path(*segments: str, query: Mapping[str, str | int | bool | None] | None = None) -> str:
    """A path of fixed words and ids, with the members of the query that are not None."""
    text = "/" + "/".join(map(segment, segments))
    given = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in (query or {}).items()
        if value is not None
    }
    return f"{text}?{urlencode(given, quote_via=quote)}" if given else text


def path_in(ns: str, *segments: str) -> str:
    """The same for what is in a namespace of a thread; the root, "", goes without saying."""
    return path(*segments, query={"ns": ns or None})


_utf8 = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ascii = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def json_bytes(value: Any) -> bytes:
    """Compact JSON. ValueError for NaN and infinities, which JSON does not have."""
    try:
        return _utf8.encode(value).encode()
    except UnicodeEncodeError:  # a lone surrogate: legal in JSON as an escape only
        return _ascii.encode(value).encode()


def json_request(
    method: str,
    target: str,
    body: Any,
    *,
    idempotent: bool = True,
    reads: bool = False,
    key: str | None = None,
    if_match: int | None = None,
    if_absent: bool = False,
    session_id: str | None = None,
) -> Request:
    """A request with a JSON body; key is its Idempotency-Key, if_match a version.

    With a condition and no key it is not idempotent: a repeat fails after what the first one did.
    """
    if key is None and (if_match is not None or if_absent):
        idempotent = False
    headers = {"Content-Type": JSON_TYPE}
    if key is not None:
        headers["Idempotency-Key"] = key
    if if_match is not None:
        headers["If-Match"] = etag(if_match)
    if if_absent:
        headers["If-None-Match"] = "*"
    return Request(method, target, json_bytes(body), headers, idempotent, session_id, reads=reads)


def etag(version: int) -> str:
    return f'"{version}"'


def present(**members: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in members.items() if value is not None}


def listed(name: str, ids: Sequence[str]) -> list[str]:
    """The ids that a parameter has; TypeError for a single one, which is a sequence of letters."""
    if isinstance(ids, (str, bytes, bytearray)):
        raise TypeError(f"{name} must be a sequence of ids, not a {type(ids).__name__}")
    return [*ids]


@dataclass(frozen=True)
class Done(Generic[T]):
    result: T


def step(exchange: Exchange[T], event: Response | Exception | None) -> Request | Done[T]:
    """Advances an exchange by an answer or an error; None starts it."""
    try:
        if isinstance(event, Exception):
            return exchange.throw(event)
        return next(exchange) if event is None else exchange.send(event)
    except StopIteration as end:
        return Done(end.value)
