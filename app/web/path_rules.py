"""Rules of paths: how large a body may be, its media types, and the form of a refusal.

Each router registers the rules of its own paths. A rule is looked up by the path of a request,
because it also applies where no route matches.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.types import Scope

from app.web import problem_documents
from app.web.problem_documents import Renderer

_KIB, _MIB = 1024, 1024 * 1024
_JSON = "application/json"
_RULE = "waybill.path_rule"


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How much a request body may hold."""

    size: int
    """Bytes."""
    names: int | None = None
    """Named JSON values, each of which can be an error of its own. None means no limit."""

    @property
    def sentence(self) -> str:
        """The limit as the detail of a problem."""
        size = f"{self.size // _MIB} MiB" if self.size >= _MIB else f"{self.size // _KIB} KiB"
        names = f" and {self.names:,} named values" if self.names else ""
        return f"A body at this path has at most {size}{names}. Split the request."


USUAL = BodyLimit(256 * _KIB, 5_000)
# Orders of 1,000 lines, and stock levels.
MANY = BodyLimit(_MIB, 20_000)
# Webhooks: the sender decides what a body holds, and no schema reads it.
HOOK = BodyLimit(_MIB)
# Files of many rows.
FILE = BodyLimit(16 * _MIB)


@dataclass(frozen=True, slots=True)
class PathRule:
    """The rule of a path, or of all paths below it."""

    path: str
    """A path with parameters in braces. With a slash at its end it covers what begins with it."""
    # mutation: large-body-routes
    limit: BodyLimit = USUAL
    media_types: tuple[str, ...] = ()
    """Media types that a body may have. Empty means JSON."""
    render: Renderer = problem_documents.render
    """Renders refusals."""

    @property
    def pattern(self) -> str:
        """A regular expression of the paths that the rule covers."""
        fixed = "[^/]+".join(map(re.escape, re.split(r"{\w+}", self.path)))
        return fixed + "(?s:.*)" if self.path.endswith("/") else fixed

    def accepts(self, media_type: str) -> bool:
        """Whether a body of that media type can be read."""
        if self.media_types:
            return media_type in self.media_types
        return media_type == _JSON or media_type.endswith("+json")

    @property
    def media_sentence(self) -> str:
        """The media types as the detail of a problem."""
        return f"Send the body as {' or '.join(self.media_types or (_JSON,))}."


_DEFAULT = PathRule("/")


class PathRules:
    """The rules of an app. Paths without a rule have the limit USUAL and read JSON."""

    def __init__(self, rules: Iterable[PathRule]) -> None:
        self._rules = tuple(rules)
        # One expression with a group for each rule.
        self._pattern = re.compile("|".join(f"({rule.pattern})" for rule in self._rules))

    def assign(self, scope: Scope) -> PathRule:
        """Find the rule of a request, and keep it in its scope."""
        found = self._pattern.fullmatch(scope["path"])
        rule = self._rules[found.lastindex - 1] if found and found.lastindex else _DEFAULT
        scope[_RULE] = rule
        return rule


def rule_of(scope: Scope) -> PathRule:
    """The rule that was assigned to a request."""
    rule: PathRule = scope[_RULE]
    return rule


def route_of(scope: Scope) -> str:
    """The path of the route that a request took, with its parameters in braces.

    Logs and metrics have it in place of the path, which may hold a sign-in token.
    """
    return getattr(scope.get("route"), "path", "unknown")
