"""Secrets that a form carries from one step to the next: encrypted, for one session only.

A page never shows a secret that was typed. After a try the form holds it encrypted in a hidden
field, so that the person need not type it again to save it.
"""

import json
from datetime import datetime, timedelta

from app.storage.stores.secrets import CannotDecrypt
from app.web.page.context import PageContext

SUFFIX = "_sealed"
"""Of the hidden field with a secret; the field of the secret has the name before it."""
_LIFETIME = timedelta(minutes=30)


def seal(context: PageContext, secret: str) -> str:
    """Encrypt a secret for this session."""
    content = [str(context.session.id), context.app.now().isoformat(), secret]
    return context.app.cipher.seal(json.dumps(content)).decode()


def given(context: PageContext, name: str) -> str:
    """The secret of a form: as it was typed, else as the field `<name>_sealed` carries it."""
    typed = context.form.get(name)
    if isinstance(typed, str) and typed.strip():
        return typed.strip()
    carried = context.form.get(f"{name}{SUFFIX}")
    return _opened(context, carried) if isinstance(carried, str) and carried else ""


def _opened(context: PageContext, sealed: str) -> str:
    try:
        session, at, secret = json.loads(context.app.cipher.open(sealed.encode()))
    except (CannotDecrypt, ValueError):
        return ""
    # mutation: sealed-for-one-session
    if session != str(context.session.id):
        return ""
    if context.app.now() - datetime.fromisoformat(at) > _LIFETIME:
        return ""
    return str(secret)
